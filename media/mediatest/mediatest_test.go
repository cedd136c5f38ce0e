package mediatest

import (
	"testing"

	"hark/internal/leak"
	"hark/media"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestPipe(t *testing.T) {
	TestConn(t, func(*testing.T) (media.Conn, Client) { return Pipe() })
}
