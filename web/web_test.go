package web

import (
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"
)

// get asks the handler for one path.
func get(t *testing.T, method, target string, head http.Header) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequest(method, target, nil)
	for key, values := range head {
		request.Header[key] = values
	}
	answer := httptest.NewRecorder()
	Handler().ServeHTTP(answer, request)
	return answer
}

func TestHandlerServesThePageWithItsPolicy(t *testing.T) {
	answer := get(t, http.MethodGet, "/", nil)
	if answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), "<title>hark</title>") {
		t.Fatalf("GET / = %d %.80q, want the page", answer.Code, answer.Body)
	}
	for key, want := range map[string]string{
		"Content-Type":            "text/html; charset=utf-8",
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; ",
		"Permissions-Policy":      "microphone=(self), camera=(self)",
		"X-Content-Type-Options":  "nosniff",
	} {
		if got := answer.Header().Get(key); !strings.HasPrefix(got, want) {
			t.Errorf("%s = %q, want %q", key, got, want)
		}
	}
	for _, loose := range []string{"unsafe", "*", "http"} {
		if strings.Contains(policy, loose) {
			t.Errorf("the policy %q contains %q", policy, loose)
		}
	}
}

func TestHandlerAnswersByPathAndMethod(t *testing.T) {
	tag := get(t, http.MethodGet, "/app.js", nil).Header().Get("ETag")
	for _, test := range []struct {
		method, target string
		head           http.Header
		want           int
	}{
		{http.MethodGet, "/app.js", nil, http.StatusOK},
		{http.MethodHead, "/style.css", nil, http.StatusOK},
		{http.MethodGet, "/app.js", http.Header{"If-None-Match": {tag}}, http.StatusNotModified},
		{http.MethodGet, "/none.js", nil, http.StatusNotFound},
		{http.MethodGet, "/web.go", nil, http.StatusNotFound},
		{http.MethodPost, "/", nil, http.StatusMethodNotAllowed},
	} {
		if got := get(t, test.method, test.target, test.head).Code; got != test.want {
			t.Errorf("%s %s = %d, want %d", test.method, test.target, got, test.want)
		}
	}
}

// references finds what a file of the page loads from elsewhere.
var references = regexp.MustCompile(`(?:\b(?:href|src)="|from '\./|new URL\('|href', ` + "[`']" + `)([\w./-]+)(?:[#"` + "'`" + `?])`)

func TestPagesLoadOnlyTheirOwnFiles(t *testing.T) {
	served, err := read()
	if err != nil {
		t.Fatal(err)
	}
	var found int
	for name, f := range served {
		text := string(f.content)
		for _, match := range references.FindAllStringSubmatch(text, -1) {
			target := path.Join(path.Dir(name), match[1])
			if match[1] == "../" || match[1] == "v1/models" || strings.HasPrefix(match[1], "v1/realtime") {
				continue // of the server, not of this package
			}
			found++
			if _, ok := served[target]; !ok {
				t.Errorf("%s refers to %s, which is not there", name, match[1])
			}
		}
		for _, outside := range []string{"https://", "http://", "//cdn", "@import", "eval(", "innerHTML"} {
			plain := strings.NewReplacer("http://www.w3.org/", "", "http://localhost", "").Replace(text)
			if strings.Contains(plain, outside) {
				t.Errorf("%s contains %s", name, outside)
			}
		}
		if f.kind == "" {
			t.Errorf("%s has no media type", name)
		}
	}
	if found < 20 {
		t.Errorf("found %d references, want the imports and links of the page", found)
	}
}

func TestPagesOfOthersMayLoadTheClient(t *testing.T) {
	for target, want := range map[string]string{"/client/agent.js": "*", "/app.js": ""} {
		if got := get(t, http.MethodGet, target, nil).Header().Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("%s may be loaded by %q, want %q", target, got, want)
		}
	}
}

// symbol is a use of icons.svg, in HTML or by the icon function.
var symbol = regexp.MustCompile(`icons\.svg#([\w-]+)"|icon\('([\w-]+)'\)`)

func TestEveryIconIsDrawn(t *testing.T) {
	icons, err := files.ReadFile("page/icons.svg")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"index.html", "attachments.js", "notices.js"} {
		text, err := files.ReadFile("page/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range symbol.FindAllStringSubmatch(string(text), -1) {
			if id := match[1] + match[2]; !strings.Contains(string(icons), `id="`+id+`"`) {
				t.Errorf("%s uses the icon %q, which icons.svg does not have", name, id)
			}
		}
	}
}
