package redact

import "bytes"

// triggers are the bytes at which something may be found.
var triggers = func() (all [256]bool) {
	for c := range shapesAt {
		all[c] = len(shapesAt[c]) > 0
	}
	for _, c := range []byte(":=-rRcC") {
		all[c] = true
	}
	return all
}()

// text takes tokens, and values beside their names, out of text.
func (r *Redactor) text(text []byte) (clean []byte, n int) {
	var out []byte
	kept, dotless := 0, 0
	for i := 0; i < len(text); i++ {
		if !triggers[text[i]] {
			continue
		}
		from, to, found := r.find(text, i, &dotless)
		if !found || from < kept || string(text[from:to]) == Mark {
			continue
		}
		out = append(append(out, text[kept:from]...), Mark...)
		kept, i = to, to-1
		n++
	}
	if n > 0 {
		text = append(out, text[kept:]...)
	}
	for _, pattern := range r.patterns {
		var count int
		text, count = takeOut(pattern, text)
		n += count
	}
	return text, n
}

// find finds what is to be taken out and gives itself away at i. No token with a dot ends before
// dotless: without it, a line of nothing but beginnings of tokens would be read to its end for
// each of them.
func (r *Redactor) find(text []byte, i int, dotless *int) (from, to int, found bool) {
	if i > 0 && pairs[text[i]][text[i-1]] {
		for n := range shapesAt[text[i]] {
			s := &shapesAt[text[i]][n]
			if s.dots > 0 && i < *dotless {
				continue
			}
			if from, to, found = s.find(text, i); found {
				return from, to, true
			}
			*dotless = max(*dotless, to)
		}
	}
	switch text[i] {
	case 'r', 'R', 'c', 'C':
		return findScheme(text, i)
	case '-':
		return findPEM(text, i)
	case ':':
		if from, to, found = findUserInfo(text, i); found {
			return from, to, true
		}
		return r.findValue(text, i)
	case '=':
		return r.findValue(text, i)
	}
	return 0, 0, false
}

// headers are the names after which all of a line is secret, in "Cookie: a=b; c=d".
var headers = [...]string{"authorization", "cookie"}

// findValue finds the value of a secret's name whose '=' or ':' stands at i: password=x,
// "password": "x" also within a string of JSON, Password:x as Go's %+v has it, and
// Cookie: a=b; c=d. "invalid token: expired" tells nothing.
func (r *Redactor) findValue(text []byte, i int) (from, to int, found bool) {
	end := i
	for end > 0 && text[end-1] == ' ' {
		end--
	}
	quote := byte(0)
	if end > 0 && (text[end-1] == '"' || text[end-1] == '\'') {
		quote = text[end-1]
		for end--; end > 0 && text[end-1] == '\\'; {
			end--
		}
	}
	begin := end
	for begin > 0 && end-begin < maxName && keyChars[text[begin-1]] {
		begin--
	}
	if begin == end || !r.keys.has(text[begin:end]) {
		return 0, 0, false
	}
	from = i + 1
	for from < len(text) && text[from] == ' ' {
		from++
	}
	switch {
	case from == len(text), text[from] == '=':
		return 0, 0, false
	case text[i] == ':' && quote == 0 && from > i+1:
		return r.findHeader(text, begin, end, from)
	case text[i] == ':' && bytes.HasPrefix(text[from:], []byte("//")):
		return 0, 0, false
	}
	return value(text, from)
}

// maxList bounds how far the end of several values is looked for.
const maxList = 4 << 10

// value returns the value that begins at from: a quoted one to its closing quote, else up
// to what ends a word.
func value(text []byte, from int) (begin, end int, found bool) {
	escape := from
	for escape < len(text) && text[escape] == '\\' {
		escape++
	}
	if escape < len(text) && (text[escape] == '"' || text[escape] == '\'') {
		closing := text[from : escape+1] // as it is escaped
		begin = escape + 1
		for end = begin; end < len(text) && !bytes.HasPrefix(text[end:], closing); end++ {
			if text[end] == '\\' && escape == from {
				end++
			}
		}
		end = min(end, len(text))
		return begin, end, begin < end
	}
	if bytes.HasPrefix(text[from:], []byte(Mark)) {
		return 0, 0, false
	}
	if text[from] == '[' { // Go's %v of several
		if length := bytes.IndexByte(text[from:min(len(text), from+maxList)], ']'); length >= 0 {
			return from, from + length + 1, length > 1
		}
	}
	end = wordEnd(text, from)
	for _, scheme := range [...]string{"Bearer", "Basic", "Digest", "Token"} {
		if bytes.EqualFold(text[from:end], []byte(scheme)) && end < len(text) && text[end] == ' ' {
			end = wordEnd(text, end+1)
			break
		}
	}
	switch string(text[from:end]) {
	case "", "true", "false", "null", "nil", "None", "True", "False":
		return 0, 0, false
	}
	return from, end, true
}

func wordEnd(text []byte, end int) int {
	for end < len(text) && text[end] > ' ' && bytes.IndexByte([]byte(`,;&)]}"'`), text[end]) < 0 {
		end++
	}
	return end
}

// findHeader takes out the rest of the line after a header's name.
func (r *Redactor) findHeader(text []byte, begin, end, from int) (int, int, bool) {
	name := fold(string(text[begin:end]))
	for _, header := range headers {
		if !bytes.HasSuffix([]byte(name), []byte(header)) || bytes.HasPrefix(text[from:], []byte(Mark)) {
			continue
		}
		to := bytes.IndexAny(text[from:], "\r\n")
		if to < 0 {
			to = len(text) - from
		}
		return from, from + to, to > 0
	}
	return 0, 0, false
}
