package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"

	"hark/engine/demo"
	"hark/server"
	"hark/session"
	"hark/web"
)

// serveCommand runs the server.
type serveCommand struct {
	modelFlags
	voiceFlags
	accessFlags
	System  string `help:"Instructions of sessions that set none." default:"You are a helpful voice assistant."`
	Kiosk   string `help:"File of what /kiosk shows, as JSON: docs/kiosk.md. Without it /kiosk is a plain one." type:"path" placeholder:"FILE"`
	Verbose bool   `help:"Log more."`
}

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context) error {
	level := slog.LevelInfo
	if c.Verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	o, cert, err := c.options()
	if err != nil {
		return err
	}
	voice, err := c.openVoice(log)
	if err != nil {
		return err
	}
	if voice != nil {
		defer voice.Close()
	}
	var kiosk *web.Kiosk
	if c.Kiosk != "" {
		if kiosk, err = web.LoadKiosk(c.Kiosk); err != nil {
			return usageError{err}
		}
	}
	o.Instructions, o.Speaker, o.Page, o.Log = c.System, voice, web.New(kiosk, c.Origin), log
	s, err := c.start(ctx, o, log)
	if err != nil {
		return err
	}
	c.welcome(s, c.name(), cert)
	select {
	case <-ctx.Done():
	case err = <-s.failed:
	}
	return errors.Join(err, s.close(), o.Tracer.Close())
}

// shown is an address as a browser takes it.
func shown(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// running is a server with its model.
type running struct {
	addr   net.Addr
	device string
	failed chan error // why serving ended by itself
	close  func() error
}

// start listens, loads the model and serves it: who asks before it is loaded is
// told so.
func (f *modelFlags) start(ctx context.Context, o server.Options, log *slog.Logger) (*running, error) {
	if f.Model == "" {
		o.Model = demo.Name
	}
	s, err := server.New(o)
	if err != nil {
		return nil, usageError{err}
	}
	ln, err := s.Listen()
	if err != nil {
		return nil, usageError{err}
	}
	r := &running{addr: ln.Addr(), failed: make(chan error, 2)} // one of each who may send one
	f.lost = func(err error) { r.failed <- err }
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := s.Serve(ln); err != nil {
			r.failed <- err
		}
	}()
	stop := func() error {
		err := s.Close()
		<-served
		return err
	}
	e, closeModel, err := f.open(ctx, log)
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	s.Open(server.Model{Engine: session.NewEngine(e), Tokenizer: e.Tokenizer(), Stats: e.Stats})
	r.device = e.Device()
	r.close = func() error {
		err := stop()
		closeModel()
		return err
	}
	return r, nil
}
