package chaos

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
)

// filter passes on what Redis answers, but for the Pub/Sub messages that are swallowed.
func (p *Proxy) filter(to io.Writer, from net.Conn) {
	r := bufio.NewReaderSize(from, 64<<10)
	for {
		var value bytes.Buffer
		kind, channel, err := readValue(r, &value)
		if err != nil {
			return
		}
		p.pass()
		if (kind == "message" || kind == "smessage") && p.faults.SwallowMessage(channel) {
			continue
		}
		if _, err := to.Write(value.Bytes()); err != nil {
			return
		}
	}
}

// readValue reads one whole answer of RESP2 or RESP3 into raw, and returns the first two
// texts of an array or push.
func readValue(r *bufio.Reader, raw *bytes.Buffer) (first, second string, err error) {
	line, err := r.ReadBytes('\n')
	if err != nil {
		return "", "", err
	}
	raw.Write(line)
	if len(line) < 3 {
		return "", "", fmt.Errorf("an answer of Redis that is %q", line)
	}
	text := string(line[1 : len(line)-2])
	n, nan := strconv.Atoi(text)
	switch line[0] {
	case '$', '=', '!':
		if nan != nil || n < 0 {
			return "", "", nan
		}
		at := raw.Len()
		if _, err := io.CopyN(raw, r, int64(n)+2); err != nil {
			return "", "", err
		}
		return string(raw.Bytes()[at : at+n]), "", nil
	case '*', '>', '~', '%', '|':
		if nan != nil {
			return "", "", nan
		}
		if line[0] == '%' || line[0] == '|' {
			n *= 2
		}
		for i := range n {
			part, _, err := readValue(r, raw)
			if err != nil {
				return "", "", err
			}
			switch i {
			case 0:
				first = part
			case 1:
				second = part
			}
		}
		return first, second, nil
	default:
		return text, "", nil
	}
}
