package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"hark/engine"
	"hark/engine/backend/mlx"
	"hark/engine/backend/ranks"
	"hark/engine/model"
	"hark/engine/tensor"
	"hark/engine/weights"
)

// hosts is the file behind --ranks, the same on every machine.
type hosts struct {
	// Engine is MLX's engine: ring (TCP), jaccl (Thunderbolt 5 between Macs),
	// nccl (CUDA).
	Engine string `json:"engine"`
	// Hosts are the ranks in order; the first is the one that serves.
	Hosts []struct {
		// Ring is where the rank listens for its neighbour.
		Ring string `json:"ring"`
		// Control is where a rank but the first waits for the first.
		Control string `json:"control"`
	} `json:"hosts"`

	secret [32]byte // the file's hash: who has another file does not belong to us
}

// maxHostsBytes bounds the file.
const maxHostsBytes = 1 << 20

func readHosts(path string) (*hosts, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, usageError{err}
	}
	if len(data) > maxHostsBytes {
		return nil, usage("%s has %d bytes, at most %d are read", path, len(data), maxHostsBytes)
	}
	h := hosts{Engine: "ring", secret: sha256.Sum256(data)}
	if err := json.Unmarshal(data, &h); err != nil {
		return nil, usage("%s: %v", path, err)
	}
	if len(h.Hosts) < 2 {
		return nil, usage("%s has %d hosts, want two or more", path, len(h.Hosts))
	}
	for i, host := range h.Hosts {
		if _, _, err := net.SplitHostPort(host.Ring); h.Engine == "ring" && err != nil {
			return nil, usage("%s: hosts[%d].ring: %v", path, i, err)
		}
		if _, _, err := net.SplitHostPort(host.Control); i > 0 && err != nil {
			return nil, usage("%s: hosts[%d].control: %v", path, i, err)
		}
	}
	return &h, nil
}

// join makes b one rank of the hosts; it waits for the others.
func (h *hosts) join(b tensor.Backend, rank int, log *slog.Logger) (*ranks.Backend, error) {
	device, ok := b.(*mlx.Backend)
	if !ok {
		return nil, usage("--ranks needs --backend mlx; %s computes here", b.Device())
	}
	rings := make([]string, len(h.Hosts))
	for i, host := range h.Hosts {
		rings[i] = host.Ring
	}
	if log != nil {
		log.Info("waiting for the other ranks", "rank", rank, "of", len(rings), "engine", h.Engine)
	}
	// MLX writes to the others on threads of its own: without this, writing to
	// one that is gone ends the process without a word.
	signal.Ignore(syscall.SIGPIPE)
	g, err := device.Join(h.Engine, rank, rings)
	if err != nil {
		return nil, err
	}
	return ranks.New(device, g), nil
}

// How long ranks wait for each other.
const (
	followersTime = 30 * time.Minute // for followers that load the model
	greetTime     = 10 * time.Second // for who has connected to say who it is
	lostTime      = 5 * time.Second  // for an orderly end once another is gone
)

// endSoon ends the process, unless it ends by itself before: an exchange with a
// rank that is gone may never return, and nothing wakes it.
func endSoon(err error) {
	time.AfterFunc(lostTime, func() {
		fmt.Fprintln(os.Stderr, "hark:", err)
		os.Exit(exitFailure)
	})
}

// lead loads the model as the first of the ranks in the file path. bound is asked
// then what the caches may take, and lost is told once one of the others is gone.
func lead(path string, src weights.Source, b tensor.Backend, o *engine.Options, bound func() int64, lost func(error)) (*engine.Engine, error) {
	h, err := readHosts(path)
	if err != nil {
		return nil, err
	}
	d, err := h.join(b, 0, o.Log)
	if err != nil {
		return nil, err
	}
	m, err := model.Open(src, d)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithTimeout(context.Background(), followersTime)
	defer stop()
	var conns []net.Conn
	for _, host := range h.Hosts[1:] {
		c, err := ranks.Dial(ctx, host.Control)
		if err != nil {
			return nil, err
		}
		conns = append(conns, c)
	}
	if err := d.Lead(ctx, conns, h.secret, func(err error) {
		endSoon(err)
		lost(err)
	}); err != nil {
		return nil, err
	}
	o.MaxBytes = bound()
	return engine.Load(m, d, o)
}

// rankCommand computes for a server on another machine.
type rankCommand struct {
	Number int `arg:"" help:"Which of the hosts this is: 1 for the second."`
	modelFlags
}

// Run computes until the server ends or ctx does.
func (c *rankCommand) Run(ctx context.Context) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if c.Ranks == "" {
		return usage("which hosts? --ranks FILE says so")
	}
	h, err := readHosts(c.Ranks)
	if err != nil {
		return err
	}
	if c.Number < 1 || c.Number >= len(h.Hosts) {
		return usage("rank %d of %d: want 1 to %d; hark serve is rank 0", c.Number, len(h.Hosts), len(h.Hosts)-1)
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", h.Hosts[c.Number].Control)
	if err != nil {
		return usageError{err}
	}
	defer ln.Close()
	mine, err := heed(ctx, func() (*part, error) { return c.take(h, log) }, (*part).free)
	if err != nil {
		return err
	}
	defer mine.free()
	d := mine.device
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	conn, err := meet(ctx, ln, d, h.secret, log)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	log.Info("computing", "device", d.Device())
	return d.Follow(ctx, conn, endSoon)
}

// part is what a rank has of the model.
type part struct {
	device *ranks.Backend
	src    weights.Source
}

func (p *part) free() {
	p.device.Close()
	p.src.Close()
}

// take waits for the other ranks and loads this one's part.
func (c *rankCommand) take(h *hosts, log *slog.Logger) (*part, error) {
	src, err := c.source()
	if err != nil {
		return nil, err
	}
	b, err := c.backend(log)
	if err != nil {
		src.Close()
		return nil, usageError{err}
	}
	d, err := h.join(b, c.Number, log)
	if err != nil {
		b.Close()
		src.Close()
		return nil, err
	}
	p := &part{device: d, src: src}
	if _, err := model.Open(src, d); err != nil {
		p.free()
		return nil, err
	}
	return p, nil
}

// meet waits for the leader. Whoever else connects is sent away.
func meet(ctx context.Context, ln net.Listener, d *ranks.Backend, secret [32]byte, log *slog.Logger) (net.Conn, error) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return nil, fmt.Errorf("ranks: %w", err)
		}
		patient, cancel := context.WithTimeout(ctx, greetTime)
		err = d.Join(patient, conn, secret)
		cancel()
		if err == nil {
			return conn, nil
		}
		conn.Close()
		if !errors.Is(err, ranks.ErrStranger) {
			return nil, err
		}
		log.Warn("somebody connected who is not the leader", "err", err)
	}
}
