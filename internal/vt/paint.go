package vt

// paint is what a terminal draws with after the colour sequences that have passed. The zero
// value is a terminal's own colours.
type paint struct {
	text, ground colour
	bold         bool
}

// colour is the zero value for a terminal's own, 1 to 16 for the palette that every user
// chooses, and red, green, blue with a mark for all others.
type colour int32

const (
	dark        = 8 // colours of the palette; as many bright ones follow
	mark colour = 1 << 24
)

// hides reports whether text is drawn in the colour of its ground. Many terminals draw the
// dark colours bright where the text is bold.
func (p paint) hides() bool {
	if p.text == 0 || p.ground == 0 {
		return false
	}
	return p.text == p.ground || p.bold && p.text <= dark && p.text+dark == p.ground
}

// after returns the paint of a terminal that has obeyed the attributes.
func (p paint) after(attributes []attribute) paint {
	for i := 0; i < len(attributes); {
		a := attributes[i]
		size := colourSize(attributes[i:])
		switch {
		case size > 0:
			var arguments [4]int16
			for n, argument := range attributes[i+1 : i+size] {
				arguments[n] = argument.value
			}
			p.set(a.value, colourOf(arguments[:size-1]))
		case a.subs > 0:
			p.set(a.value, colourOf(a.sub[:min(int(a.subs), len(a.sub))]))
		default:
			p.obey(a.value)
		}
		i += max(size, 1)
	}
	return p
}

// obey is for an attribute that stands for itself.
func (p *paint) obey(value int16) {
	switch {
	case value == 0:
		*p = paint{}
	case value == 1, value == 22:
		p.bold = value == 1
	case value == 39:
		p.text = 0
	case value == 49:
		p.ground = 0
	case 30 <= value && value < 30+dark:
		p.text = colour(value - 30 + 1)
	case 90 <= value && value < 90+dark:
		p.text = colour(value - 90 + 1 + dark)
	case 40 <= value && value < 40+dark:
		p.ground = colour(value - 40 + 1)
	case 100 <= value && value < 100+dark:
		p.ground = colour(value - 100 + 1 + dark)
	}
}

// set is for 38, the text, and 48, its ground. What is no colour changes nothing.
func (p *paint) set(which int16, c colour) {
	switch {
	case c == 0:
	case which == 38:
		p.text = c
	case which == 48:
		p.ground = c
	}
}

// colourOf reads the arguments of 38 and 48: 5 and an index, or 2 and the parts, before
// which the form with colons has room for a colour space. It returns 0 for anything else.
func colourOf(arguments []int16) colour {
	switch {
	case len(arguments) == 2 && arguments[0] == 5:
		return indexed(arguments[1])
	case len(arguments) == 4 && arguments[0] == 2:
		return mixed(arguments[1:])
	case len(arguments) == 5 && arguments[0] == 2:
		return mixed(arguments[2:])
	}
	return 0
}

// indexed is a colour of the 256 that terminals number alike: the palette, a cube with six
// steps a side, and greys.
func indexed(n int16) colour {
	step := func(n int16) int16 {
		if n == 0 {
			return 0
		}
		return 55 + 40*n
	}
	switch {
	case n < 2*dark:
		return colour(n + 1)
	case n < 232:
		n -= 16
		return mixed([]int16{step(n / 36), step(n / 6 % 6), step(n % 6)})
	case n < 256:
		grey := 8 + 10*(n-232)
		return mixed([]int16{grey, grey, grey})
	}
	return 0
}

func mixed(parts []int16) colour {
	var c colour
	for _, part := range parts {
		if part > 255 {
			return 0
		}
		c = c<<8 | colour(part)
	}
	return mark | c
}
