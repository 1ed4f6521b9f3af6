package auth

import "fmt"

// Role is how much a principal may see. The zero value is the least.
type Role int

// The roles, from the least to the most.
const (
	Viewer   Role = iota // the own channel and granted ones
	Operator             // the global channel too
	Admin                // every channel
)

var roleNames = [...]string{Viewer: "viewer", Operator: "operator", Admin: "admin"}

// ParseRole reads a role as [Role.String] writes it.
func ParseRole(s string) (Role, error) {
	for role, name := range roleNames {
		if s == name {
			return Role(role), nil
		}
	}
	return 0, fmt.Errorf("unknown role %q: a role is viewer, operator or admin", s)
}

// String returns viewer, operator or admin.
func (r Role) String() string {
	if !r.valid() {
		return fmt.Sprintf("Role(%d)", int(r))
	}
	return roleNames[r]
}

func (r Role) valid() bool { return r >= Viewer && r <= Admin }
