// Package web is what hark gives to browsers, in plain modules that they run as
// they are: client, an agent to talk with apart from its looks, page, the
// assistant, and agent, the element <hark-agent> for pages of others and for
// kiosks. It is embedded in the binary and asks nothing of any other address.
//
// Start reading at client/agent.js, then page/app.js and agent/element.js.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"time"
)

//go:embed page client agent
var files embed.FS

// folder is a folder of files and where it is served.
type folder struct {
	name, prefix string
	shared       bool // pages of other origins may load it
}

var folders = []folder{
	{name: "page", prefix: "/"},
	{name: "client", prefix: "/client/", shared: true},
	{name: "agent", prefix: "/agent/", shared: true},
}

// policy lets the page load, run and call what comes from its own address,
// and show pictures that it made itself; nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
	"media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// file is one embedded file, ready to be sent.
type file struct {
	content []byte
	kind    string // media type
	tag     string // entity tag, of the content
	shared  bool
	policy  string // content security policy
}

// read returns the files of all folders by their paths in the URL.
func read() (map[string]file, error) {
	served := map[string]file{}
	for _, f := range folders {
		root, err := fs.Sub(files, f.name)
		if err != nil {
			return nil, err
		}
		err = fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := fs.ReadFile(root, name)
			if err != nil {
				return err
			}
			served[f.prefix+name] = newFile(name, content, f.shared)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	served["/"] = served["/index.html"]
	served["/agent.js"] = newFile("agent.js", []byte(entry), true)
	return served, nil
}

// entry is the module that pages of others name. Its address does not change.
const entry = "export * from './agent/element.js';\n"

// newFile makes a file of its content.
func newFile(name string, content []byte, shared bool) file {
	sum := sha256.Sum256(content)
	return file{content, kind(name), `"` + hex.EncodeToString(sum[:8]) + `"`, shared, policy}
}

// Handler serves the page at / and the folders beside it, with a kiosk that says
// what it says by itself.
func Handler() http.Handler { return New(nil, nil) }

// New is Handler with a kiosk of one's own at /kiosk, nil for the usual one, which
// pages of some origins may show in a frame: patterns as server.Options has
// them. The handler is safe for concurrent use and answers GET and HEAD.
func New(k *Kiosk, frames []string) http.Handler {
	served, err := read()
	if err == nil {
		err = k.serve(served, frames)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := served[r.URL.Path]
		switch {
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
		case r.URL.Path == "/kiosk": // its files are named from the folder
			target := url.URL{Path: "kiosk/", RawQuery: r.URL.RawQuery}
			w.Header().Set("Location", target.String())
			w.WriteHeader(http.StatusMovedPermanently)
		case !ok:
			http.NotFound(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "this page is read with GET", http.StatusMethodNotAllowed)
		default:
			f.send(w, r)
		}
	})
}

// send answers a request for a file.
func (f *file) send(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Content-Security-Policy", f.policy)
	head.Set("Permissions-Policy", "microphone=(self), camera=(self)")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Cache-Control", "no-cache")
	head.Set("Content-Type", f.kind)
	head.Set("ETag", f.tag)
	if f.shared {
		head.Set("Access-Control-Allow-Origin", "*")
		head.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
	http.ServeContent(w, r, r.URL.Path, time.Time{}, bytes.NewReader(f.content))
}

// kind returns the media type of a file of the page. The types are stated
// here, since the tables of the system differ from machine to machine.
func kind(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".json":
		return "application/json"
	}
	return mime.TypeByExtension(path.Ext(name))
}
