package vt

// maxParameters bounds the parameters of a colour sequence, in characters. Four
// true colours with attributes fit; more is not written by honest programs.
const maxParameters = 64

// decoder reads the character at the start of p and the number of bytes that
// it takes. It returns invalid, 0 at the end and invalid, 1 for a byte that is
// no character.
type decoder func(p []byte) (r rune, size int)

// sgrSize returns the number of bytes of the colour sequence that p begins
// with, or 0 if what begins there may not pass. A sequence that passes changes
// the paint.
func sgrSize(p []byte, decode decoder, on *paint) int {
	var parameters [maxParameters]byte
	_, size := decode(p)
	r, n := decode(p[size:])
	if r != '[' {
		return 0
	}
	for count := 0; ; count++ {
		size += n
		r, n = decode(p[size:])
		switch {
		case r == 'm' && on.takes(parameters[:count]):
			return size + n
		case !isParameter(r) || count == len(parameters):
			return 0
		}
		parameters[count] = byte(r)
	}
}

func isParameter(r rune) bool {
	return '0' <= r && r <= '9' || r == ';' || r == ':'
}

// attribute is one parameter of a colour sequence. Numbers that are left out are 0, and no
// number is more than tooHigh.
type attribute struct {
	value int16
	subs  int8     // how many subparameters follow, as 2 do in 38:5:8
	sub   [5]int16 // the first of them
}

const tooHigh = 1000

// takes reports whether the sequence with these parameters may pass, and then obeys it.
func (p *paint) takes(parameters []byte) bool {
	var list [maxParameters + 1]attribute
	attributes := appendAttributes(list[:0], parameters)
	if conceals(attributes) {
		return false
	}
	next := p.after(attributes)
	if next.hides() {
		return false
	}
	*p = next
	return true
}

// conceals reports whether any terminal may read attributes as the attribute 8.
//
// An 8 that belongs to a colour is harmless: 38;5;8, 48;2;r;g;8, and whatever
// follows a colon. Where terminals disagree on what belongs to a colour, the 8
// counts as an attribute: after 58 (an underline's colour, unknown to many) and
// after a colour that is incomplete, mixed with subparameters or of an unknown
// kind.
func conceals(attributes []attribute) bool {
	for i := 0; i < len(attributes); {
		if n := colourSize(attributes[i:]); n > 0 {
			i += n
			continue
		}
		if attributes[i].value == 8 {
			return true
		}
		i++
	}
	return false
}

func appendAttributes(dst []attribute, parameters []byte) []attribute {
	var a attribute
	for _, c := range parameters {
		switch c {
		case ';':
			dst = append(dst, a)
			a = attribute{}
		case ':':
			a.subs++
		default:
			if n := a.last(); n != nil {
				*n = min(10**n+int16(c-'0'), tooHigh)
			}
		}
	}
	return append(dst, a)
}

// last is the number that digits belong to, nil where it is not kept.
func (a *attribute) last() *int16 {
	switch {
	case a.subs == 0:
		return &a.value
	case int(a.subs) <= len(a.sub):
		return &a.sub[a.subs-1]
	}
	return nil
}

// colourSize returns how many attributes the colour takes that the list begins
// with, or 0 if it begins with none.
func colourSize(attributes []attribute) int {
	if len(attributes) < 2 || attributes[0].value != 38 && attributes[0].value != 48 {
		return 0
	}
	size := 0
	switch attributes[1].value {
	case 5: // an index
		size = 3
	case 2: // red, green, blue
		size = 5
	}
	if len(attributes) < size {
		return 0
	}
	for _, a := range attributes[:size] {
		if a.subs > 0 {
			return 0
		}
	}
	return size
}
