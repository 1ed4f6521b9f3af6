package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

// JWT is the way in with JSON Web Tokens that an issuer has signed.
type JWT struct {
	JWTIssuer        string `name:"jwt-issuer" env:"LOGLANE_JWT_ISSUER" example:"https://id.example.com/" placeholder:"ISSUER" help:"Whose JWTs are taken as Authorization: Bearer: what they have as iss, exactly."`
	JWTAudience      string `name:"jwt-audience" env:"LOGLANE_JWT_AUDIENCE" example:"loglane" placeholder:"AUDIENCE" help:"What JWTs must have as, or among, aud."`
	JWTJWKSURL       string `name:"jwt-jwks-url" env:"LOGLANE_JWT_JWKS_URL" example:"https://id.example.com/jwks.json" placeholder:"URL" help:"Where the issuer's public keys are, as a JWKS."`
	JWTKeyFile       string `name:"jwt-key-file" env:"LOGLANE_JWT_KEY_FILE" example:"issuer.pem" placeholder:"FILE" help:"File with the issuer's public keys in PEM, or with a shared secret for HS256, HS384 and HS512; in place of --jwt-jwks-url."`
	JWTAlgorithms    string `name:"jwt-algorithms" env:"LOGLANE_JWT_ALGORITHMS" default:"RS256,ES256,EdDSA" placeholder:"ALG,…" help:"What JWTs may be signed with; a key is only used with those that are for it."`
	JWTNameClaim     string `name:"jwt-name-claim" env:"LOGLANE_JWT_NAME_CLAIM" default:"sub" example:"preferred_username" placeholder:"CLAIM" help:"Claim that users are called by. email counts only where email_verified is true."`
	JWTRolesClaim    string `name:"jwt-roles-claim" env:"LOGLANE_JWT_ROLES_CLAIM" example:"realm_access.roles" placeholder:"CLAIM" help:"Claim with the groups for --role-map and --channel-map; dots lead into it."`
	JWTChannelsClaim string `name:"jwt-channels-claim" env:"LOGLANE_JWT_CHANNELS_CLAIM" example:"channels" placeholder:"CLAIM" help:"Claim with the contexts of channels that may be read beside the own."`
	JWTNamePrefix    string `name:"jwt-name-prefix" env:"LOGLANE_JWT_NAME_PREFIX" example:"jwt:" placeholder:"PREFIX" help:"What goes before the names in JWTs, so that they are no other way's."`
}

// maxSecretFile bounds files with keys and secrets, in bytes.
const maxSecretFile = 64 << 10

// Check reports what is wrong with the settings of JWTs.
func (j *JWT) Check() error {
	if j.JWTIssuer == "" {
		for name, value := range map[string]string{
			"jwt-audience": j.JWTAudience, "jwt-jwks-url": j.JWTJWKSURL, "jwt-key-file": j.JWTKeyFile, "jwt-name-prefix": j.JWTNamePrefix,
		} {
			if value != "" {
				return Wrong("jwt-issuer", "", "it is missing: --"+name+" is about its tokens")
			}
		}
		return nil
	}
	var errs []error
	if j.JWTAudience == "" {
		errs = append(errs, Wrong("jwt-audience", "", "it is missing: tokens that the issuer made for other services would be taken"))
	}
	if j.JWTNameClaim == "" {
		errs = append(errs, zero("jwt-name-claim"))
	}
	return errors.Join(append(errs, j.checkKeys(), checkPrefix(minter{"jwt-issuer", j.JWTNamePrefix}, j.JWTIssuer))...)
}

func (j *JWT) checkKeys() error {
	switch {
	case j.JWTJWKSURL == "" && j.JWTKeyFile == "":
		return Wrong("jwt-jwks-url", "", "it is missing, and so is --jwt-key-file: one of them has the issuer's keys")
	case j.JWTJWKSURL != "" && j.JWTKeyFile != "":
		return Wrong("jwt-key-file", j.JWTKeyFile, "--jwt-jwks-url has keys, too: leave one of them out")
	}
	if err := auth.CheckJWTAlgorithms(j.algorithms(), j.JWTJWKSURL != ""); err != nil {
		return Wrong("jwt-algorithms", j.JWTAlgorithms, err.Error())
	}
	if j.JWTJWKSURL != "" {
		if err := auth.CheckJWKSURL(j.JWTJWKSURL); err != nil {
			return Wrong("jwt-jwks-url", redactedURL(j.JWTJWKSURL), err.Error())
		}
		return nil
	}
	_, err := j.keys()
	return err
}

func (j *JWT) algorithms() []string {
	return strings.FieldsFunc(j.JWTAlgorithms, func(r rune) bool { return r == ',' || r == ' ' })
}

// keys are those of the file; nil where there is none.
func (j *JWT) keys() (*auth.JWTKeys, error) {
	if j.JWTKeyFile == "" {
		return nil, nil
	}
	data, err := contentOf("jwt-key-file", j.JWTKeyFile)
	if err != nil {
		return nil, err
	}
	keys, err := auth.ParseJWTKeys(data, j.algorithms())
	if err != nil {
		return nil, &SettingError{Name: "jwt-key-file", Value: j.JWTKeyFile, Wrong: err.Error()}
	}
	return keys, nil
}

// contentOf reads a file that a setting names.
func contentOf(setting, path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, &SettingError{Name: setting, Wrong: err.Error()}
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxSecretFile+1))
	switch {
	case err != nil:
		return nil, &SettingError{Name: setting, Wrong: err.Error()}
	case len(data) > maxSecretFile:
		return nil, &SettingError{Name: setting, Value: path, Wrong: fmt.Sprintf("it is longer than %d bytes", maxSecretFile)}
	}
	return data, nil
}

// way makes the way in.
func (j *JWT) way(mint auth.Mint, log *slog.Logger) (*auth.JWT, error) {
	keys, err := j.keys()
	if err != nil {
		return nil, err
	}
	return auth.NewJWT(auth.JWTOptions{
		Issuer: j.JWTIssuer, Audience: j.JWTAudience, Algorithms: j.algorithms(), JWKSURL: j.JWTJWKSURL, Keys: keys,
		NameClaim: j.JWTNameClaim, RolesClaim: j.JWTRolesClaim, ChannelsClaim: j.JWTChannelsClaim, Mint: mint, Logger: log,
	})
}

// wireJWT makes the way in with JWTs.
func (a *App) wireJWT(template loglane.Template) error {
	if a.settings.JWTIssuer == "" {
		return nil
	}
	way, err := a.settings.JWT.way(a.mint("jwt-issuer", template), a.log)
	if err != nil {
		return err
	}
	a.ending.push("keys of JWTs", func(context.Context) error {
		way.Close()
		return nil
	})
	a.ways = append(a.ways, way)
	return nil
}

// examineJWT asks for the issuer's keys.
func examineJWT(_ context.Context, s *Settings) []Finding {
	const check = "jwt-issuer"
	if s.JWTIssuer == "" {
		return nil
	}
	way, err := s.JWT.way(auth.Mint{}, slog.New(slog.DiscardHandler))
	n := 0
	if err == nil {
		defer way.Close()
		n, err = way.Examine()
	}
	if err != nil {
		return []Finding{{check, Failing, fmt.Sprintf("there are no keys for its JWTs: %v", err),
			"start the issuer, or set --jwt-jwks-url to where its keys are; the gateway starts without them and asks again"}}
	}
	return []Finding{{check, Fine, fmt.Sprintf("JWTs of %s for %s; %s, by %s", s.JWTIssuer, s.JWTAudience, count(n, "key"), strings.Join(s.JWT.algorithms(), ", ")), ""}}
}
