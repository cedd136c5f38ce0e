package ranks

import (
	"net"
	"time"
)

// Both ends say every few seconds that they are there, from a goroutine that
// waits for no device: a process that was stopped, or a network that is gone
// without a word, is known by its silence long before TCP gives up.
const (
	pulseTime = 3 * time.Second
	// silence is how long nothing may come from an end that has spoken. An end
	// says nothing before all ranks have agreed.
	silence = 10 * time.Second
)

// beat writes a pulse over conn at once and then each time, until it fails or
// quit is closed. Where an operation is being written, it comes behind that.
func beat(conn net.Conn, each time.Duration, quit <-chan struct{}) {
	ticks := time.NewTicker(each)
	defer ticks.Stop()
	for {
		conn.SetWriteDeadline(time.Now().Add(stuck))
		if _, err := conn.Write([]byte{byte(opPulse)}); err != nil {
			return // who reads from conn notes it
		}
		select {
		case <-ticks.C:
		case <-quit:
			return
		}
	}
}
