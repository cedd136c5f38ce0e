//go:build talk && portaudio

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pulse is a PulseAudio of its own, without a sound card: what is played into
// the sink "room" is what the microphone hears, and "speaker" is what hark plays
// to. The loopback is the echo: the microphone hears the loudspeaker as loud as
// it is.
type pulse struct {
	t      *testing.T
	home   string
	env    []string
	server *exec.Cmd
}

const pulseScript = `load-module module-native-protocol-unix
load-module module-null-sink sink_name=speaker rate=24000 channels=1
load-module module-null-sink sink_name=room rate=24000 channels=1
load-module module-remap-source source_name=mic master=room.monitor
load-module module-loopback source=speaker.monitor sink=room latency_msec=40 adjust_time=0
set-default-source mic
set-default-sink speaker
`

func startPulse(t *testing.T) *pulse {
	t.Helper()
	home := t.TempDir()
	p := &pulse{t: t, home: home, env: append(os.Environ(), "HOME="+home, "XDG_RUNTIME_DIR="+home, "XDG_CONFIG_HOME="+home, "ALSA_CONFIG_PATH="+filepath.Join(home, "asound.conf"), "LC_ALL=C.UTF-8", "TERM=xterm", "HARK_KEY=")}
	for name, text := range map[string]string{"pulse.pa": pulseScript,
		"asound.conf": "</usr/share/alsa/alsa.conf>\npcm.!default { type pulse }\nctl.!default { type pulse }\n"} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.start()
	t.Cleanup(p.stop)
	return p
}

// start runs the server until stop.
func (p *pulse) start() {
	p.t.Helper()
	p.server = exec.Command("pulseaudio", "-n", "-F", filepath.Join(p.home, "pulse.pa"), "--exit-idle-time=-1", "--daemonize=no",
		"--use-pid-file=no", "--log-level=error")
	p.server.Env = p.env
	if err := p.server.Start(); err != nil {
		p.t.Fatal(err)
	}
	for until := time.Now().Add(10 * time.Second); ; <-time.After(50 * time.Millisecond) {
		out, _ := p.command("pactl", "list", "short", "modules").Output()
		if bytes.Contains(out, []byte("module-loopback")) {
			return
		}
		if time.Now().After(until) {
			p.t.Fatal("pulseaudio does not start")
		}
	}
}

func (p *pulse) stop() {
	_ = p.server.Process.Kill()
	_ = p.server.Wait()
}

func (p *pulse) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Env = p.env
	return c
}

// say plays a sample where the microphone hears it.
func (p *pulse) say(sample string) {
	p.t.Helper()
	if out, err := p.command("paplay", "--device=room", sampleFile(sample)).CombinedOutput(); err != nil {
		p.t.Fatalf("paplay: %v\n%s", err, out)
	}
}

func sampleFile(sample string) string {
	path, err := filepath.Abs(filepath.Join("..", "..", "testdata", "samples", sample+".wav"))
	if err != nil {
		return sample
	}
	return path
}

// program is a hark that talks.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	events chan happening // of its standard output; closed at its end
	stderr bytes.Buffer
}

func (p *pulse) talk(args ...string) *program {
	p.t.Helper()
	r := &program{t: p.t, cmd: p.command(os.Getenv("HARK_TALK"), append([]string{"talk", "--json"}, args...)...), events: make(chan happening, 1000)}
	r.cmd.Stderr = &r.stderr
	out, err := r.cmd.StdoutPipe()
	if err == nil {
		err = r.cmd.Start()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	go func() {
		defer close(r.events)
		for in := bufio.NewScanner(out); in.Scan(); {
			var h happening
			if json.Unmarshal(in.Bytes(), &h) == nil {
				r.events <- h
			}
		}
	}()
	p.t.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		for range r.events {
		}
		_ = r.cmd.Wait()
	})
	return r
}

// await returns the next event that fits.
func (r *program) await(what string, limit time.Duration, fits func(h happening) bool) happening {
	r.t.Helper()
	late := time.After(limit)
	for {
		select {
		case h, more := <-r.events:
			if !more {
				r.t.Fatalf("hark ended before %s\n%s", what, r.stderr.String())
			}
			if h.Type != "answer" && h.Type != "user" {
				r.t.Logf("%5.2f %s %s%s | %s | cut %v heard %d ms", h.At, h.Type, h.Text, h.User, h.Answer, h.Cut, h.HeardMS)
			}
			if fits(h) {
				return h
			}
		case <-late:
			r.t.Fatalf("no %s within %v", what, limit)
		}
	}
}

func (r *program) awaitType(kind string) happening {
	r.t.Helper()
	return r.await(kind, 30*time.Second, func(h happening) bool { return h.Type == kind })
}

// end interrupts it and returns its exit code.
func (r *program) end(signal os.Signal) int {
	r.t.Helper()
	_ = r.cmd.Process.Signal(signal)
	r.await("the figures", 5*time.Second, func(h happening) bool { return h.Type == "end" })
	for range r.events {
	}
	err := r.cmd.Wait()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		r.t.Fatal(err)
	}
	return r.cmd.ProcessState.ExitCode()
}

// sounding returns the seconds of PCM16 at 24 kHz in which something sounds.
func sounding(data []byte) float64 {
	n := 0
	for block := range slices.Chunk(data, 960) {
		peak := 0
		for i := 0; i+1 < len(block); i += 2 {
			peak = max(peak, int(int16(uint16(block[i])|uint16(block[i+1])<<8)))
		}
		if peak > 300 {
			n++
		}
	}
	return float64(n) * 0.02
}

// A spoken question is answered aloud; the echo of the voice, as loud as it is,
// interrupts nobody; the user does; the sound server may go and come back.
func TestTalkThroughSoundDevices(t *testing.T) {
	p := startPulse(t)
	file := filepath.Join(p.home, "reference.wav")
	if out, err := p.command(os.Getenv("HARK_TALK"), "talk", "--in", sampleFile("question-0"), "--out", file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	reference, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	recorder := p.command("parec", "--device=speaker.monitor", "--rate=24000", "--channels=1", "--format=s16le", "--raw")
	var recorded bytes.Buffer
	recorder.Stdout = &recorded
	if err := recorder.Start(); err != nil {
		t.Fatal(err)
	}
	h := p.talk("--system", "You are the information desk of Star Gallery. Places: stairs behind the reception, waiting room on the third floor on the right.")
	h.awaitType("ready")
	p.say("question-0")
	first := h.awaitType("exchange")
	_ = recorder.Process.Signal(os.Interrupt)
	_ = recorder.Wait()
	if !strings.Contains(first.User, "thirteen plus five") || !strings.Contains(first.Answer, "eighteen") || first.Cut || first.FirstSoundMS == nil {
		t.Errorf("the first exchange is %+v", first)
	}
	if got, want := sounding(recorded.Bytes()), sounding(reference[44:]); want < 0.5 || got < 0.75*want || got > 1.25*want {
		t.Errorf("the loudspeaker sounds for %.2f s, the answer for %.2f s", got, want)
	}
	p.say("question-8") // the voice is heard for another while
	if x := h.awaitType("exchange"); x.Cut || !strings.Contains(x.Answer, "Ciao") {
		t.Errorf("the second exchange is %+v", x)
	}
	for range 2 { // so that the filter learns the room
		p.say("kiosk-3")
		if x := h.awaitType("exchange"); x.Cut || !strings.Contains(x.Answer, "third floor") {
			t.Errorf("an exchange of the desk is %+v", x)
		}
	}
	p.interruptAnswer(h)
	p.comeBack(h)
	if code := h.end(os.Interrupt); code != 0 {
		t.Errorf("exit code %d after Ctrl-C", code)
	}
	if strings.Contains(h.stderr.String(), "ALSA lib") {
		t.Errorf("the standard error says %s", h.stderr.String())
	}
}

// interruptAnswer speaks over an answer. A machine that has much else to do
// lets sound slip; then the microphone rests until the echo is found again, so
// that it may take a second try.
func (p *pulse) interruptAnswer(h *program) {
	p.t.Helper()
	for range 3 {
		p.say("kiosk-3")
		h.await("answer", 20*time.Second, func(e happening) bool { return e.Type == "answer" })
		p.say("question-3")
		cut := h.awaitType("exchange")
		if !cut.Cut {
			continue
		}
		if next := h.awaitType("exchange"); strings.Contains(next.Answer, "ninety") {
			if strings.Contains(cut.Answer, "on the right") {
				p.t.Errorf("the interrupted answer was shown whole: %q", cut.Answer)
			}
			return
		}
	}
	p.t.Error("nobody could interrupt the voice")
}

// comeBack takes the sound server away, as if the device was unplugged.
func (p *pulse) comeBack(h *program) {
	p.t.Helper()
	p.stop()
	h.await("the loss", 15*time.Second, func(e happening) bool { return e.Type == "notice" && strings.Contains(e.Text, "stopped") })
	p.start()
	h.await("the return", 20*time.Second, func(e happening) bool { return e.Type == "notice" && strings.Contains(e.Text, "back") })
	p.say("question-6")
	if x := h.awaitType("exchange"); !strings.Contains(x.Answer, "baa") {
		p.t.Errorf("after the sound came back: %+v", x)
	}
}

func TestTalkWithoutSuchADeviceSaysSo(t *testing.T) {
	p := startPulse(t)
	for _, args := range [][]string{{"--device", "no such microphone"}, {"--speaker", "99"}, {"--camera", "/dev/no-camera"}} {
		out, err := p.command(os.Getenv("HARK_TALK"), append([]string{"talk"}, args...)...).CombinedOutput()
		var failed *exec.ExitError
		if !errors.As(err, &failed) || failed.ExitCode() != exitUsage || !bytes.Contains(out, []byte("no ")) {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
	out, err := p.command(os.Getenv("HARK_TALK"), "talk", "--list-devices").CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("default")) || bytes.Contains(out, []byte("ALSA lib")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// In a terminal: something is typed and answered, Ctrl-C leaves, and the
// terminal is as it was.
func TestTalkGivesTheTerminalBack(t *testing.T) {
	p := startPulse(t)
	for name, last := range map[string]func(in io.Writer, pid int){
		"Ctrl-C":  func(in io.Writer, _ int) { fmt.Fprint(in, "\x03") },
		"q":       func(in io.Writer, _ int) { fmt.Fprint(in, "q") },
		"SIGTERM": func(_ io.Writer, pid int) { _ = syscall.Kill(pid, syscall.SIGTERM) },
	} {
		before, after, pids := filepath.Join(p.home, "before"), filepath.Join(p.home, "after"), filepath.Join(p.home, "pid")
		line := fmt.Sprintf("stty -a >%s; sh -c 'echo $$ >%s; exec %s talk'; echo code $?; stty -a >%s", before, pids, os.Getenv("HARK_TALK"), after)
		c := p.command("script", "-qec", line, "/dev/null")
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		var screen watched
		c.Stdout, c.Stderr = &screen, &screen
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		screen.await(t, "listening")
		fmt.Fprint(in, "How do you say hello in Italian?\r")
		screen.await(t, "Ciao.")
		data, err := os.ReadFile(pids)
		if err != nil {
			t.Fatal(err)
		}
		pid := 0
		fmt.Sscan(string(data), &pid)
		last(in, pid)
		screen.await(t, "code 0")
		in.Close()
		if err := c.Wait(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		was, _ := os.ReadFile(before)
		is, _ := os.ReadFile(after)
		if len(was) == 0 || !bytes.Equal(was, is) {
			t.Errorf("%s: the terminal was\n%s\nand is\n%s", name, was, is)
		}
	}
}
