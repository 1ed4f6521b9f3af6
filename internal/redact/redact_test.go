package redact_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/redact"
)

func newRedactor(t testing.TB, opts redact.Options) *redact.Redactor {
	t.Helper()
	r, err := redact.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Values of these names are taken out.
func TestSecretNames(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	for _, name := range strings.Fields(`password Password PASSWORD pass_word pass-word db_password dbpassword userPassword
		passwd my_passwd passphrase secret clientSecret client_secret secret_key SECRET-KEY token access_token refreshToken
		X-Csrf-Token csrf.token authorization Proxy-Authorization cookie Cookie Set-Cookie set_cookie setCookie api_key
		apikey apiKey APIKey X-API-Key xApiKey access_key aws_secret_access_key AccessKey private_key privateKey session
		session_id sessionId SESSIONID PHPSESSIONID php_session jwt id_jwt otp cvv cvv2 creditCard credit_card card-number
		password2 token_1 credentials AccountKey p\u0061ssword \u0050ASSWORD sid user.password password_confirmation`) {
		for _, value := range []string{`"CANARY"`, `4711`, `["CANARY"]`, `{"a":["CANARY",{"b":"}"}]}`, `"\u0043ANARY \" "`} {
			record := `{"a":1,"` + name + `" : ` + value + ` ,"b":{"` + name + `":` + value + `},"c":[{"` + name + `":` + value + `}]}`
			clean, n := r.Record([]byte(record))
			want := `{"a":1,"` + name + `" : "[redacted]" ,"b":{"` + name + `":"[redacted]"},"c":[{"` + name + `":"[redacted]"}]}`
			if string(clean) != want || n != 3 {
				t.Errorf("%s:\n%s, %d\nwant\n%s, 3", record, clean, n, want)
			}
		}
	}
}

// And of these they are not, nor are those that tell nothing.
func TestOtherNames(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	for _, name := range strings.Fields(`message tokens max_tokens token_count tokenizer tokenId passed password_length
		secretary sessions authorized author cookies_enabled key keyboard monkey primary_key public_key cache_key
		resid inside aside obsession trace_id user url status order`) {
		record := `{"` + name + `":"value","x":{"` + name + `":[1]}}`
		if clean, n := r.Record([]byte(record)); string(clean) != record || n != 0 {
			t.Errorf("%s became %s, %d", record, clean, n)
		}
	}
	for _, record := range []string{`{}`, `{"password":""}`, `{"password":null,"token":true,"secret":false,"cookie":[],"session":{}}`, `{"password":"[redacted]"}`} {
		if clean, n := r.Record([]byte(record)); string(clean) != record || n != 0 {
			t.Errorf("%s became %s, %d", record, clean, n)
		}
	}
}

const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"

var texts = []struct{ text, want string }{
	{"Authorization: Bearer abcdef123 rest\nnext", "Authorization: [redacted]\nnext"},
	{"got bearer abcdef123, refused", "got bearer [redacted], refused"},
	{"BEARER  s3cr3t.token/+==", "BEARER  [redacted]"},
	{"Bearer averylongwordwithoutdigits", "Bearer [redacted]"},
	{"Basic dXNlcjpodW50ZXIy ok", "Basic [redacted] ok"},
	{"Basic dXNlcjpodW50ZXIyCg==", "Basic [redacted]"},
	{"jwt " + jwt + ".", "jwt [redacted]."},
	{"(" + jwt + ")", "([redacted])"},
	{"key AKIAIOSFODNN7EXAMPLE used", "key [redacted] used"},
	{"ASIAIOSFODNN7EXAMPLE", "[redacted]"},
	{"ghp_abcdefghijklmnopqrstuvwxyz0123456789", "[redacted]"},
	{"x=github_pat_11ABCDEFG0abcdefghijk_lmnopqrstuvwxyz", "x=[redacted]"},
	{"glpat-abcdefghijklmnopqrst", "[redacted]"},
	{"xoxb-123456789012-abcdef", "[redacted]"},
	{"sk_live_abcdefghij1234567890 and rk_test_abcdefghij", "[redacted] and [redacted]"},
	{"AIzaSyA-abcdefghijklmnopqrstuvwxyz01234", "[redacted]"},
	{"llt_AbCdEfGhIjKlMnOpQrStUv", "[redacted]"},
	{"SG.abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuvwxyz", "[redacted]"},
	{"sk-ant-api03-abcdefghijklmnop", "[redacted]"},
	{"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nafter", "[redacted]\nafter"},
	{"a -----BEGIN PRIVATE KEY-----\nMIIE", "a [redacted]"},
	{"dial redis://app:hunter2@10.0.0.1:6379/0: refused", "dial redis://app:[redacted]@10.0.0.1:6379/0: refused"},
	{"postgres://:p@ss:word@db/x", "postgres://:[redacted]@db/x"},
	{"GET /login?user=al&token=abc&x=1", "GET /login?user=al&token=[redacted]&x=1"},
	{`level=info password="two words" user=al`, `level=info password="[redacted]" user=al`},
	{`password=hunter2, next`, `password=[redacted], next`},
	{`db_password = hunter2`, `db_password = [redacted]`},
	{`body {"user":"al","password": "hun\"ter2","n":1}`, `body {"user":"al","password": "[redacted]","n":1}`},
	{`body {\"password\":\"hunter2\",\"n\":1}`, `body {\"password\":\"[redacted]\",\"n\":1}`},
	{`{'api_key': 'hunter2', 'n': 1}`, `{'api_key': '[redacted]', 'n': 1}`},
	{`{User:al Password:hunter2 Age:7}`, `{User:al Password:[redacted] Age:7}`},
	{"Cookie: a=b; session=c\r\nHost: x", "Cookie: [redacted]\r\nHost: x"},
	{"set-cookie: a=b; HttpOnly", "set-cookie: [redacted]"},
	{"map[Accept:[*/*] Authorization:[x y]]", "map[Accept:[*/*] Authorization:[redacted]]"},
	{"authorization=Bearer abc next", "authorization=[redacted] next"},
	{"Authorization:Basic abc", "Authorization:[redacted]"},
	{"token:[]", "token:[]"},
}

func TestTokensInText(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	for _, c := range texts {
		clean, n := r.Text([]byte(c.text))
		if string(clean) != c.want || n != strings.Count(c.want, redact.Mark) {
			t.Errorf("%q became %q, %d, want %q", c.text, clean, n, c.want)
		}
		// The same in a record, however it is spelled: the tokens are gone.
		quoted, err := json.Marshal(c.text)
		if err != nil {
			t.Fatal(err)
		}
		escaped := `"`
		for _, unit := range []byte(c.text) {
			escaped += `\u00` + string("0123456789abcdef"[unit>>4]) + string("0123456789abcdef"[unit&15])
		}
		for _, value := range []string{string(quoted), escaped + `"`} {
			record, n := r.Record([]byte(`{"message":` + value + `,"list":[` + value + `]}`))
			var got struct {
				Message string
				List    []string
			}
			if err := json.Unmarshal(record, &got); err != nil || got.Message != c.want || got.List[0] != c.want || n != 2*strings.Count(c.want, redact.Mark) {
				t.Errorf("%s became %s, %d, want %q: %v", value, record, n, c.want, err)
			}
		}
	}
}

func TestTextWithoutTokens(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	for _, text := range []string{
		"", "plain", "invalid token: expired", "the bearer of news", "Bearer of a certificate", "Basic authentication failed", "bearer",
		"eyJhbGciOiJIUzI1NiJ9", "AKIA", "AKIA123", "ghp_short", "https://example.com/a:b@c", "https://user@host/", "http://host:80/x@y",
		"-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----", "took 03:04:05.123", "a == b, token == x", "password=", "token=null",
		"session: started", "key=value", "tokens=512", "sk_live_", "llt_x", "xAKIAIOSFODNN7EXAMPLEx", "password=[redacted] Cookie: [redacted]", "token:", `"token":""`,
		"Bearer [redacted] redis://a:[redacted]@b",
	} {
		if clean, n := r.Text([]byte(text)); string(clean) != text || n != 0 {
			t.Errorf("%q became %q, %d", text, clean, n)
		}
	}
}

func TestFurtherKeysAndPatterns(t *testing.T) {
	r := newRedactor(t, redact.Options{
		Keys:     []string{"Pin-Code", "-session", " iban "},
		Patterns: []*regexp.Regexp{regexp.MustCompile(`\bcust-\d{4}\b`), regexp.MustCompile(`x*`)},
	})
	record := `{"message":"of cust-1234 and cust-12345","pin_code":1234,"IBAN":"DE","session":"s","session_id":"t"}`
	want := `{"message":"of [redacted] and cust-12345","pin_code":"[redacted]","IBAN":"[redacted]","session":"s","session_id":"[redacted]"}`
	if clean, n := r.Record([]byte(record)); string(clean) != want || n != 4 {
		t.Errorf("%s, %d", clean, n)
	}
	for want, keys := range map[string][]string{`"" is no name`: {"a", ""}, "is no name of": {"_-"}, `"user" is none of the known names`: {"-user"}} {
		if _, err := redact.New(redact.Options{Keys: keys}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", keys, err)
		}
	}
	for want, expressions := range map[string][]string{`"(" cannot be read`: {"a", "("}, "matches an empty text": {"a*"}, "too long": {strings.Repeat("a", 4001)}} {
		if _, err := redact.ParsePatterns(expressions); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", expressions, err)
		}
	}
	var off *redact.Redactor
	if clean, n := off.Record([]byte(`{"password":"x"}`)); string(clean) != `{"password":"x"}` || n != 0 {
		t.Errorf("off: %s, %d", clean, n)
	}
}

// A record stays one, what has nothing to take out stays as it is, and a second pass, as at
// ingest, finds nothing more to take out of what the first has left beside names.
func FuzzRecord(f *testing.F) {
	for _, c := range texts {
		quoted, _ := json.Marshal(c.text)
		f.Add([]byte(`{"message":` + string(quoted) + `,"attrs":{"a":[` + string(quoted) + `]}}`))
	}
	f.Add([]byte("{ \"p\\u0061ssword\" : { \"a\" : [ 1 , \"]\" ] } , \"x\" : 1e9 }"))
	f.Add([]byte(`{"token":-1.5e3,"secret":[[],{"}":"\\"}],"":{"cookie":"\""}}`))
	r := newRedactor(f, redact.Options{Patterns: []*regexp.Regexp{regexp.MustCompile(`cust-\d+`)}})
	f.Fuzz(func(t *testing.T, record []byte) {
		if !json.Valid(record) || !bytes.HasPrefix(record, []byte("{")) {
			r.Text(record)
			t.Skip()
		}
		before := bytes.Clone(record)
		clean, n := r.Record(record)
		if !bytes.Equal(record, before) {
			t.Fatalf("%s was changed", before)
		}
		if n == 0 && !bytes.Equal(clean, record) || !json.Valid(clean) {
			t.Fatalf("%s became %s, %d", record, clean, n)
		}
		// A canary under a secret's name is gone, whatever stands around it.
		planted := append([]byte(`{"x":`), record...)
		planted = append(planted, `,"api_key":{"a":["CANARY7f3a"]},"y":[{"Cookie":"CANARY7f3a"}],"z":"token=CANARY7f3a"}`...)
		if clean, _ := r.Record(planted); bytes.Contains(clean, []byte("CANARY7f3a")) || !json.Valid(clean) {
			t.Fatalf("%s became %s", planted, clean)
		}
	})
}

var benchRecords = map[string]string{
	"clean":  `{"message":"GET /products/7","level":"INFO","timestamp":"2026-05-04T09:00:00.000000000Z","context":"User.alice","attrs":{"service":"shop","version":"1.2.3","request":{"status":200,"took":"1ms","query":"a=b"}}}`,
	"secret": `{"message":"GET /products/7","level":"INFO","timestamp":"2026-05-04T09:00:00.000000000Z","context":"User.alice","attrs":{"service":"shop","authorization":"Bearer abcdef0123456789","request":{"status":200,"took":"1ms","query":"a=b&token=abc"}}}`,
}

func BenchmarkRecord(b *testing.B) {
	for name, record := range benchRecords {
		b.Run(name, func(b *testing.B) {
			r, in := newRedactor(b, redact.Options{}), []byte(record)
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				r.Record(in)
			}
		})
	}
}

func TestCleanRecordsCostNoMemory(t *testing.T) {
	r, in := newRedactor(t, redact.Options{}), []byte(benchRecords["clean"])
	if allocs := testing.AllocsPerRun(100, func() { r.Record(in) }); allocs > 0 {
		t.Errorf("%v allocations for a record without a secret", allocs)
	}
}

// A line of nothing but beginnings of tokens costs as much as any other of its length: each is
// done within the test's own deadline, where one read to its end for each of them would take
// minutes.
func TestBeginningsOfTokensCostNoMore(t *testing.T) {
	r := newRedactor(t, redact.Options{})
	for _, beginning := range []string{"eyJ-", "eyJ_eyJ-", "SG.-", "token=[ ", "Bearer ", "http://a:", "-----BEGIN ", "key=\\", "llt_ ", "a://b://", "eyJa "} {
		began := time.Now()
		for range 4 {
			r.Text([]byte(strings.Repeat(beginning, 1<<20/len(beginning))))
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%q takes %v", beginning, took)
		}
	}
}
