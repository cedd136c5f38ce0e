package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"

	"hark/server"
	"hark/server/certs"
	"hark/server/ffmpeg"
	"hark/server/trace"
)

// accessFlags say who may come in, how, and how much they may ask for.
type accessFlags struct {
	Addr   string   `help:"Address to listen on. Anything but loopback needs a key." default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
	Key    []string `help:"API key that clients must send; repeatable. HARK_KEY in the environment keeps it out of the process list." placeholder:"KEY"`
	Keys   string   `help:"File of API keys as hark keys makes it. Without it, and without --key, the usual file counts on any address but loopback." placeholder:"FILE"`
	Origin []string `name:"allow-origin" aliases:"origin" help:"Foreign web origin whose pages may use this server: https://example.com, https://*.example.com, http://localhost:*; repeatable." placeholder:"ORIGIN"`

	TLS     string   `name:"tls" help:"self-signed: speak https with a certificate that hark makes, keeps and renews." placeholder:"self-signed" enum:",self-signed" default:""`
	TLSHost []string `name:"tls-host" help:"A further name or address for that certificate; repeatable." placeholder:"NAME"`
	TLSDir  string   `name:"tls-dir" help:"Folder for that certificate; without it tls in the user's folder of settings for hark." placeholder:"DIR"`
	TLSCert string   `name:"tls-cert" help:"Certificate to speak https with, in PEM with its chain. Read again when it changes." placeholder:"FILE"`
	TLSKey  string   `name:"tls-key" help:"Key of that certificate, in PEM." placeholder:"FILE"`

	WebRTCPort int      `name:"webrtc-port" help:"UDP and TCP port of calls over WebRTC; 0 is the number of the HTTP port, -1 takes no calls." default:"0" placeholder:"PORT"`
	PublicIP   []string `name:"public-ip" help:"Address under which that port is reached from elsewhere: of a NAT, or of a container's host; repeatable." placeholder:"IP"`

	Remote []string `help:"Host whose pictures, sound and videos may be fetched: a name, a pattern such as *.example.com, or host:port for one on the local network; repeatable." placeholder:"HOST"`
	FFmpeg string   `name:"ffmpeg" help:"Program that decodes videos and AAC, or none." placeholder:"FILE" default:"ffmpeg"`

	Trace        string            `name:"otlp" help:"Address of an OpenTelemetry collector that gets spans over OTLP/HTTP." placeholder:"URL" env:"OTEL_EXPORTER_OTLP_ENDPOINT"`
	TraceHeaders map[string]string `name:"otlp-header" help:"Header for the collector, KEY=VALUE; repeatable." placeholder:"KEY=VALUE" env:"OTEL_EXPORTER_OTLP_HEADERS" mapsep:","`
	TraceName    string            `name:"otlp-service" help:"What this process is called there." default:"hark" env:"OTEL_SERVICE_NAME"`

	Sessions  int `help:"Realtime sessions at a time." default:"32"`
	Requests  int `help:"HTTP requests that the model answers at a time." default:"8"`
	Queue     int `help:"HTTP requests that may wait for that." default:"32"`
	MaxTokens int `help:"Tokens of one answer over HTTP; 0 is what the context holds." default:"0"`
}

// options returns what the flags say, and the certificate if there is one.
func (f *accessFlags) options() (o server.Options, cert *certs.Source, err error) {
	o = server.Options{Addr: f.Addr, Keys: f.Key, KeyFile: f.Keys, Origins: f.Origin, Remote: f.Remote,
		Limits: server.Limits{Sessions: f.Sessions, Completions: f.Requests, Queue: f.Queue, Tokens: f.MaxTokens}}
	if f.Sessions < 1 || f.Requests < 1 || f.Queue < 1 || f.MaxTokens < 0 {
		return o, nil, usage("--sessions, --requests and --queue must be 1 or more, --max-tokens 0 or more")
	}
	if o.WebRTC, err = f.calls(); err != nil {
		return o, nil, err
	}
	if len(f.Key) == 0 && f.Keys == "" && !server.IsLocal(f.Addr) {
		path, err := settings("keys.json")
		if err != nil {
			return o, nil, err
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			o.KeyFile = path
		}
	}
	if cert, err = f.certificate(); err != nil {
		return o, nil, usageError{err}
	}
	if cert != nil {
		o.TLS = cert.Config()
	}
	if f.Trace != "" {
		if o.Tracer, err = trace.New(trace.Options{Endpoint: f.Trace, Headers: f.TraceHeaders, Service: f.TraceName}); err != nil {
			return o, nil, usageError{err}
		}
	}
	if f.FFmpeg == "none" {
		return o, cert, nil
	}
	if o.FFmpeg, err = ffmpeg.Find(f.FFmpeg); err != nil && f.FFmpeg != "ffmpeg" {
		return o, nil, usageError{err}
	}
	return o, cert, nil
}

// calls returns where calls over WebRTC are reached.
func (f *accessFlags) calls() (server.WebRTC, error) {
	w := server.WebRTC{Off: f.WebRTCPort == -1, Port: max(f.WebRTCPort, 0)}
	if f.WebRTCPort < -1 || f.WebRTCPort > 65535 {
		return w, usage("--webrtc-port %d, want 0 to 65535, or -1", f.WebRTCPort)
	}
	for _, s := range f.PublicIP {
		ip, err := netip.ParseAddr(s)
		if err != nil || ip.Zone() != "" || ip.IsUnspecified() {
			return w, usage("--public-ip %q is no address", s)
		}
		w.PublicIPs = append(w.PublicIPs, ip.Unmap())
	}
	return w, nil
}

// certificate returns the certificate to speak https with, nil for http.
func (f *accessFlags) certificate() (*certs.Source, error) {
	switch {
	case (f.TLSCert == "") != (f.TLSKey == ""):
		return nil, usage("--tls-cert and --tls-key come together")
	case f.TLSCert != "" && f.TLS != "":
		return nil, usage("--tls self-signed makes a certificate: leave --tls-cert out")
	case f.TLSCert != "":
		return certs.Files(f.TLSCert, f.TLSKey)
	case f.TLS == "":
		return nil, nil
	}
	dir := f.TLSDir
	if dir == "" {
		var err error
		if dir, err = settings("tls"); err != nil {
			return nil, err
		}
	}
	return certs.SelfSigned(dir, slices.Concat(f.TLSHost, certs.Hosts()))
}

// welcome says where the server is and, with a certificate of its own, how
// clients know it.
func (f *accessFlags) welcome(s *running, name string, cert *certs.Source) {
	scheme := "http"
	if cert != nil {
		scheme = "https"
	}
	fmt.Printf("hark listens on %s://%s with the model %s on %s\n", scheme, shown(s.addr), name, s.device)
	if f.TLS != "" {
		fmt.Printf("its certificate: %s\nSHA-256 fingerprint: %s\n", cert.File(), cert.Fingerprint())
	}
}
