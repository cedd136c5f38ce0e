package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

// Kiosk is what /kiosk shows and how it behaves: the file that hark serve
// --kiosk names. What is left out has the defaults of the element; the fields
// are explained in docs/kiosk.md.
type Kiosk struct {
	Title        string            `json:"title,omitempty"`
	Subtitle     string            `json:"subtitle,omitempty"`
	Hints        []string          `json:"hints,omitempty"` // questions to try, shown in turn
	Logo         string            `json:"logo,omitempty"`  // file beside this one
	Instructions string            `json:"instructions,omitempty"`
	Voice        string            `json:"voice,omitempty"`
	Speed        float64           `json:"speed,omitempty"`
	Language     string            `json:"language,omitempty"` // BCP 47
	Idle         int               `json:"idle,omitempty"`     // seconds without a word until it starts over
	Camera       bool              `json:"camera,omitempty"`   // the model sees the visitor
	Presence     bool              `json:"presence,omitempty"` // who comes near wakes it
	Sensitivity  float64           `json:"sensitivity,omitempty"`
	Keyboard     bool              `json:"keyboard,omitempty"` // questions may be written
	Transport    string            `json:"transport,omitempty"`
	Theme        string            `json:"theme,omitempty"`  // light, dark or auto
	Colors       map[string]string `json:"colors,omitempty"` // CSS variables of the element, without --hark-
	Words        map[string]string `json:"words,omitempty"`  // of the screen, in place of those of the language
	Pages        []Page            `json:"pages,omitempty"`  // that the model can show

	files map[string][]byte // by name: logo and pictures of pages
}

// Page is something that the model shows with its tool show_page.
type Page struct {
	Name  string `json:"name"` // what the model calls it
	Title string `json:"title,omitempty"`
	Text  string `json:"text,omitempty"`
	Image string `json:"image,omitempty"` // file beside the kiosk's
	URL   string `json:"url,omitempty"`   // shown in a frame instead
}

// The bounds of a kiosk.
const (
	maxKioskBytes = 1 << 20  // of its file
	maxImageBytes = 16 << 20 // of a picture
	maxPages      = 100
)

// LoadKiosk reads the file of a kiosk and the pictures beside it.
func LoadKiosk(name string) (*Kiosk, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("web: kiosk: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxKioskBytes+1))
	if err != nil {
		return nil, fmt.Errorf("web: kiosk: %w", err)
	}
	root, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return nil, fmt.Errorf("web: kiosk: %w", err)
	}
	defer root.Close()
	k, err := parseKiosk(data)
	if err == nil {
		err = k.readImages(root)
	}
	if err != nil {
		return nil, fmt.Errorf("web: kiosk %s: %w", name, err)
	}
	return k, nil
}

// parseKiosk reads the JSON of a kiosk and checks what it says.
func parseKiosk(data []byte) (*Kiosk, error) {
	if len(data) > maxKioskBytes {
		return nil, fmt.Errorf("longer than %d bytes", maxKioskBytes)
	}
	k := &Kiosk{}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(k); err != nil {
		return nil, err
	}
	if k.Idle < 0 || k.Speed < 0 || k.Sensitivity < 0 || k.Sensitivity > 1 || len(k.Pages) > maxPages {
		return nil, fmt.Errorf("idle and speed must not be negative, sensitivity lies between 0 and 1, and there are at most %d pages", maxPages)
	}
	if !slices.Contains([]string{"", "auto", "light", "dark"}, k.Theme) || !slices.Contains([]string{"", "auto", "webrtc", "websocket"}, k.Transport) {
		return nil, fmt.Errorf("theme %q is light, dark or auto, transport %q is webrtc, websocket or auto", k.Theme, k.Transport)
	}
	seen := map[string]bool{}
	for _, p := range k.Pages {
		if p.Name == "" || seen[p.Name] {
			return nil, fmt.Errorf("page %q: a page has a name of its own", p.Name)
		}
		seen[p.Name] = true
		if p.URL != "" {
			if u, err := url.Parse(p.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.ContainsAny(u.Host, " ;,") {
				return nil, fmt.Errorf("page %q: %q is no address of a page", p.Name, p.URL)
			}
		}
	}
	return k, nil
}

// readImages reads the pictures that a kiosk names.
func (k *Kiosk) readImages(root *os.Root) error {
	names := []string{k.Logo}
	for _, p := range k.Pages {
		names = append(names, p.Image)
	}
	k.files = map[string][]byte{}
	for _, name := range names {
		if name == "" || k.files[name] != nil {
			continue
		}
		f, err := root.Open(name)
		if err != nil {
			return err
		}
		data, err := io.ReadAll(io.LimitReader(f, maxImageBytes+1))
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
		if len(data) > maxImageBytes {
			return fmt.Errorf("%s is longer than %d bytes", name, maxImageBytes)
		}
		if imageKind(name, data) == "" {
			return fmt.Errorf("%s is no picture: want PNG, JPEG, GIF, WebP or SVG", name)
		}
		k.files[name] = data
	}
	return nil
}

// imageKind returns the media type of a picture, "" for what is none. Scripts in
// an SVG do not run: it is shown as an image, and has the policy of all files.
func imageKind(name string, data []byte) string {
	if strings.EqualFold(filepath.Ext(name), ".svg") {
		return "image/svg+xml"
	}
	if found := http.DetectContentType(data); slices.Contains([]string{"image/png", "image/jpeg", "image/gif", "image/webp"}, found) {
		return found
	}
	return ""
}

// serve adds what /kiosk consists of to the files. A nil kiosk is the usual one.
func (k *Kiosk) serve(served map[string]file, frames []string) error {
	if k == nil {
		k = &Kiosk{}
	}
	shown := *k
	shown.Pages = slices.Clone(k.Pages)
	address := map[string]string{}
	for name, data := range k.files {
		f := newFile(name, data, false)
		f.kind = imageKind(name, data)
		address[name] = fmt.Sprintf("kiosk/files/%s/%s", strings.Trim(f.tag, `"`), url.PathEscape(filepath.Base(name)))
		served["/kiosk/files/"+strings.Trim(f.tag, `"`)+"/"+filepath.Base(name)] = f
	}
	var inner []string // what its own frames show
	shown.Logo = address[k.Logo]
	for i := range shown.Pages {
		p := &shown.Pages[i]
		p.Image = address[p.Image]
		if u, err := url.Parse(p.URL); err == nil && p.URL != "" {
			inner = append(inner, u.Scheme+"://"+u.Host)
		}
	}
	shown.files = nil
	settings, err := json.Marshal(struct {
		Version string `json:"version"` // changes when the page should be loaded again
		*Kiosk
	}{version(served, k), &shown})
	if err != nil {
		return fmt.Errorf("web: kiosk: %w", err)
	}
	served["/kiosk/settings.json"] = newFile("settings.json", settings, false)
	page := served["/agent/kiosk.html"]
	page.policy = kioskPolicy(inner, frames)
	page.shared = false
	served["/kiosk/"] = page
	return nil
}

// kioskPolicy is that of the other pages, but that some origins may show the
// kiosk in a frame, and that it may show pages of others in one.
func kioskPolicy(inner, frames []string) string {
	p := policy
	if len(frames) > 0 {
		p = strings.Replace(p, "frame-ancestors 'none'", "frame-ancestors "+strings.Join(frames, " "), 1)
	}
	if len(inner) > 0 {
		slices.Sort(inner)
		p += "; frame-src " + strings.Join(slices.Compact(inner), " ")
	}
	return p
}

// version names the state of all that is served.
func version(served map[string]file, k *Kiosk) string {
	names := make([]string, 0, len(served))
	for name := range served {
		names = append(names, name)
	}
	sort.Strings(names)
	h := sha256.New()
	for _, name := range names {
		fmt.Fprintln(h, name, served[name].tag)
	}
	_ = json.NewEncoder(h).Encode(k) // a hash takes everything
	return hex.EncodeToString(h.Sum(nil)[:8])
}
