package vt

// maxParameters bounds the parameters of a colour sequence, in characters. Four
// true colours with attributes fit; more is not written by honest programs.
const maxParameters = 64

// decoder reads the character at the start of p and the number of bytes that
// it takes. It returns invalid, 0 at the end and invalid, 1 for a byte that is
// no character.
type decoder func(p []byte) (r rune, size int)

// sgrSize returns the number of bytes of the colour sequence that p begins
// with, or 0 if what begins there may not pass.
func sgrSize(p []byte, decode decoder) int {
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
		case r == 'm' && !conceals(parameters[:count]):
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

// attribute is one parameter of a colour sequence.
type attribute struct {
	value int  // 0 when left out
	sub   bool // carries subparameters, as 38:5:8 does
}

// conceals reports whether any terminal may read parameters as the attribute 8.
//
// An 8 that belongs to a colour is harmless: 38;5;8, 48;2;r;g;8, and whatever
// follows a colon. Where terminals disagree on what belongs to a colour, the 8
// counts as an attribute: after 58 (an underline's colour, unknown to many) and
// after a colour that is incomplete, mixed with subparameters or of an unknown
// kind.
func conceals(parameters []byte) bool {
	var list [maxParameters + 1]attribute
	attributes := appendAttributes(list[:0], parameters)
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

// appendAttributes keeps of each parameter the value before its first colon.
func appendAttributes(dst []attribute, parameters []byte) []attribute {
	var a attribute
	for _, c := range parameters {
		switch {
		case c == ';':
			dst = append(dst, a)
			a = attribute{}
		case c == ':':
			a.sub = true
		case !a.sub && a.value < 1000:
			a.value = 10*a.value + int(c-'0')
		}
	}
	return append(dst, a)
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
		if a.sub {
			return 0
		}
	}
	return size
}
