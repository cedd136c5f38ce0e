package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// file is one file of a model as the hub lists it.
type file struct {
	name   string
	size   int64  // -1: the list does not say
	digest digest // its zero value: the list does not say
}

// maxListing bounds the answer of the hub in bytes: it lists a few hundred
// files.
const maxListing = 64 << 20

// list returns the commit of a revision and the files of that commit.
func (h *Hub) list(ctx context.Context, n Name, c *counter) (commit string, files []file, err error) {
	// A revision may contain slashes, which must not be taken for parts.
	address := h.endpoint.JoinPath("api", "models", n.Owner, n.Model, "revision", url.PathEscape(n.Revision))
	address.RawQuery = "blobs=true"
	err = h.again(ctx, c, func() (bool, error) {
		resp, err := h.send(ctx, http.MethodGet, address, 0)
		if err != nil {
			return false, err
		}
		defer resp.Body.Close() // it was only read
		if resp.StatusCode != http.StatusOK {
			return false, h.statusError(resp)
		}
		data, err := io.ReadAll(io.LimitReader(resp.Body, maxListing+1))
		if err != nil {
			return false, err
		}
		if len(data) > maxListing {
			return false, fmt.Errorf("a list of more than %d bytes", maxListing)
		}
		commit, files, err = parseListing(data)
		return true, err
	})
	return commit, files, h.explain(n, "", err)
}

// parseListing reads the answer of the hub. Names that would leave a folder
// are errors, and so are two files of one name.
func parseListing(data []byte) (commit string, files []file, err error) {
	var answer struct {
		SHA      string `json:"sha"`
		Siblings []struct {
			Name   string `json:"rfilename"`
			Size   *int64 `json:"size"`
			BlobID string `json:"blobId"`
			LFS    *struct {
				SHA256 string `json:"sha256"`
				Size   *int64 `json:"size"`
			} `json:"lfs"`
		} `json:"siblings"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return "", nil, fmt.Errorf("the hub's answer is no list of files: %w", err)
	}
	if !isHex(answer.SHA, 40) && !isHex(answer.SHA, 64) {
		return "", nil, fmt.Errorf("the hub's answer names commit %q", answer.SHA)
	}
	seen := map[string]bool{}
	for _, s := range answer.Siblings {
		if !plainFile(s.Name) {
			return "", nil, fmt.Errorf("the hub lists a file called %q", s.Name)
		}
		if seen[s.Name] {
			return "", nil, fmt.Errorf("the hub lists %s twice", s.Name)
		}
		seen[s.Name] = true
		f := file{name: s.Name, size: -1, digest: parseDigest(s.BlobID)}
		if s.Size != nil && *s.Size >= 0 {
			f.size = *s.Size
		}
		if s.LFS != nil {
			f.digest = parseDigest(s.LFS.SHA256)
			if s.LFS.Size != nil && *s.LFS.Size >= 0 {
				f.size = *s.LFS.Size
			}
		}
		files = append(files, f)
	}
	return answer.SHA, files, nil
}

// complete asks for what the list did not say about a file: its size and its
// digest are headers of its own address.
func (h *Hub) complete(ctx context.Context, n Name, commit string, f file, c *counter) (file, error) {
	if f.size >= 0 && f.digest != (digest{}) {
		return f, nil
	}
	err := h.again(ctx, c, func() (bool, error) {
		resp, err := h.send(ctx, http.MethodHead, h.address(n, commit, f.name), 0)
		if err != nil {
			return false, err
		}
		resp.Body.Close() // an answer to HEAD has no body
		redirect := resp.StatusCode >= 300 && resp.StatusCode < 400
		if resp.StatusCode != http.StatusOK && !redirect {
			return false, h.statusError(resp)
		}
		tag, size := resp.Header.Get("X-Linked-Etag"), resp.Header.Get("X-Linked-Size")
		if tag == "" {
			tag = resp.Header.Get("Etag")
		}
		if size == "" && !redirect {
			size = resp.Header.Get("Content-Length")
		}
		f.digest = parseDigest(strings.Trim(strings.TrimPrefix(tag, "W/"), `"`))
		if f.size, err = strconv.ParseInt(size, 10, 64); err != nil || f.size < 0 {
			return false, errors.New("the hub does not say its size")
		}
		if f.digest == (digest{}) {
			return false, errors.New("the hub does not say its checksum")
		}
		return true, nil
	})
	return f, h.explain(n, f.name, err)
}

// small returns the files beside the weights that a checkpoint needs:
// configuration, tokenizer, chat template.
func small(files []file) []file {
	return slices.DeleteFunc(slices.Clone(files), func(f file) bool {
		if strings.Contains(f.name, "/") {
			return true
		}
		switch f.name {
		case "tokenizer.model", "merges.txt", "vocab.txt", "LICENSE", "LICENSE.txt":
			return false
		}
		ext := path.Ext(f.name)
		return ext != ".json" && ext != ".jinja"
	})
}

// heavy returns the files with weights: those of the index, or else the one
// that stands alone.
func heavy(files []file, index []byte) ([]file, error) {
	names := []string{singleFile}
	if index != nil {
		var err error
		if names, err = parseIndex(index); err != nil {
			return nil, err
		}
	}
	var out []file
	for _, name := range names {
		i := slices.IndexFunc(files, func(f file) bool { return f.name == name })
		if i < 0 && index != nil {
			return nil, fmt.Errorf("hub: %s is listed in %s and not on the hub", name, indexFile)
		}
		if i < 0 {
			return nil, errors.New("no weights as safetensors")
		}
		out = append(out, files[i])
	}
	return out, nil
}

// others says which weights there are that cannot be used, for an error.
func others(files []file) string {
	found := map[string]bool{}
	for _, f := range files {
		switch ext := path.Ext(f.name); ext {
		case ".gguf", ".bin", ".pt", ".pth", ".onnx", ".h5", ".npz", ".safetensors":
			found[ext] = true
		}
	}
	var list []string
	for ext := range found {
		list = append(list, "*"+ext)
	}
	if slices.Sort(list); len(list) > 0 {
		return ", only " + strings.Join(list, ", ") + " by other names"
	}
	return ""
}
