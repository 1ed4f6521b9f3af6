package vt

import "encoding/binary"

const (
	everyByte = 0x0101010101010101
	highBits  = 0x8080808080808080
)

// printable returns how many bytes at the start of p are printable ASCII.
// Nearly every line is nothing else, so it looks at eight bytes at a time.
func printable(p []byte) int {
	i := 0
	for i+8 <= len(p) && !unprintable(binary.LittleEndian.Uint64(p[i:])) {
		i += 8
	}
	for i < len(p) && 0x20 <= p[i] && p[i] < del {
		i++
	}
	return i
}

// unescaped reports whether p is printable ASCII without a backslash. A JSON
// text of that kind cannot hold a control, whatever its strings are.
func unescaped(p []byte) bool {
	i := 0
	for ; i+8 <= len(p); i += 8 {
		x := binary.LittleEndian.Uint64(p[i:])
		if unprintable(x) || holds(x, '\\') {
			return false
		}
	}
	for ; i < len(p); i++ {
		if p[i] < 0x20 || del <= p[i] || p[i] == '\\' {
			return false
		}
	}
	return true
}

// unprintable reports whether any of the eight bytes of x is not printable
// ASCII.
func unprintable(x uint64) bool {
	low := (x - 0x20*everyByte) & ^x
	return (low|x)&highBits != 0 || holds(x, del)
}

// holds reports whether any of the eight bytes of x is c. The borrow of the
// subtraction can only spoil bytes above one that is c, so the answer is exact.
func holds(x uint64, c byte) bool {
	x ^= uint64(c) * everyByte
	return (x-everyByte) & ^x & highBits != 0
}
