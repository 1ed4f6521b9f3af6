package auth

import (
	"net/http"

	"github.com/loglane/loglane"
)

// A Mint makes principals of the names and groups that a way in is told. All ways but the
// auth file, which has roles of its own, make theirs so. It is not changed after it was
// made, and may be used concurrently.
type Mint struct {
	Template loglane.Template // of the own channel; the zero value is loglane.DefaultTemplate
	Names    Names
	Roles    RoleMap
	Channels ChannelMap
}

// Principal returns who has a name, with what the groups give: the highest role, and
// channels beside the own. Name is as [Names.Make] has it. It fails with a
// [*loglane.StatusError] with code 403 that says why the name cannot be one.
func (m Mint) Principal(told string, groups []string) (*Principal, error) {
	template := m.Template
	if template == (loglane.Template{}) {
		template = loglane.DefaultTemplate
	}
	name, err := m.Names.Make(told)
	if err == nil {
		err = unicodeOnly(name)
	}
	var channel string
	if err == nil {
		channel, err = template.Channel(name)
	}
	if err != nil {
		return nil, notNamed(err)
	}
	return &Principal{Name: name, Role: m.Roles.Highest(groups), Channel: channel, Channels: m.Channels.Granted(groups)}, nil
}

// Counting returns those of the groups that give anything, in their order, each once.
func (m Mint) Counting(groups []string) []string {
	var counting []string
	seen := map[string]bool{}
	for _, group := range groups {
		_, role := m.Roles.role(group)
		if !seen[group] && (role || len(m.Channels.granted[group]) > 0) {
			seen[group] = true
			counting = append(counting, group)
		}
	}
	return counting
}

// notNamed refuses a login whose name cannot be one.
func notNamed(why error) error {
	return refusing("name", &loglane.StatusError{Code: http.StatusForbidden, Message: "Not signed in: " + why.Error() + "."})
}
