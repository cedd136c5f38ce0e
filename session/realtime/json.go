package realtime

import (
	"strconv"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string. Bytes that are not UTF-8 become
// U+FFFD, so that a frame is always valid text.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
			b = append(b, s[start:i]...)
			b = append(b, "\ufffd"...)
			i++
			start = i
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// The field functions append a comma, the key and a value. Keys are constants
// that need no escaping.

func key(b []byte, name string) []byte {
	if n := len(b); n > 0 && b[n-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	return append(b, '"', ':')
}

func fieldString(b []byte, name, s string) []byte {
	return appendString(key(b, name), s)
}

// fieldNullable writes null for an empty string.
func fieldNullable(b []byte, name, s string) []byte {
	if s == "" {
		return fieldNull(b, name)
	}
	return fieldString(b, name, s)
}

func fieldNull(b []byte, name string) []byte {
	return append(key(b, name), "null"...)
}

func fieldInt(b []byte, name string, n int64) []byte {
	return strconv.AppendInt(key(b, name), n, 10)
}

func fieldBool(b []byte, name string, v bool) []byte {
	return strconv.AppendBool(key(b, name), v)
}

func fieldNumber(b []byte, name string, v float64) []byte {
	return strconv.AppendFloat(key(b, name), v, 'g', -1, 64)
}

// fieldRaw writes JSON that was validated when it came in; nil is null.
func fieldRaw(b []byte, name string, raw []byte) []byte {
	if raw == nil {
		return fieldNull(b, name)
	}
	return append(key(b, name), raw...)
}
