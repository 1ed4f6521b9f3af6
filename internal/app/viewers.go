package app

import (
	"errors"
	"strings"

	"github.com/loglane/loglane"
)

// Viewers are what people see of log lines who are no more than viewers.
type Viewers struct {
	ViewerLevel  string `name:"viewer-level" env:"LOGLANE_VIEWER_LEVEL" example:"info" placeholder:"LEVEL" help:"Least level of the lines that the role viewer sees, whatever is asked for; a line without a level counts as info. Operators and admins see all."`
	ViewerFields string `name:"viewer-fields" env:"LOGLANE_VIEWER_FIELDS" example:"message,level,timestamp,attrs.order" placeholder:"MEMBER,…" help:"Members of a record that the role viewer sees; all others are taken out before a line leaves the gateway. Operators and admins see all."`
}

// Check reports what is wrong with what viewers see.
func (v *Viewers) Check() error {
	_, levelErr := v.floor()
	_, membersErr := v.members()
	return errors.Join(levelErr, membersErr)
}

// floor is nil where there is none.
func (v *Viewers) floor() (*loglane.Level, error) {
	if v.ViewerLevel == "" {
		return nil, nil
	}
	level, err := loglane.ParseLevel(v.ViewerLevel)
	if err != nil {
		return nil, Wrong("viewer-level", v.ViewerLevel, "it is no level, such as debug, info, warning or error")
	}
	return &level, nil
}

// members is nil where all are seen.
func (v *Viewers) members() (*loglane.Members, error) {
	if v.ViewerFields == "" {
		return nil, nil
	}
	paths := strings.Split(v.ViewerFields, ",")
	for i, path := range paths {
		paths[i] = strings.TrimSpace(path)
	}
	members, err := loglane.ParseMembers(paths...)
	if err != nil {
		var errs []error
		for _, err := range unjoined(err) {
			errs = append(errs, Wrong("viewer-fields", v.ViewerFields, err.Error()))
		}
		return nil, errors.Join(errs...)
	}
	return members, nil
}
