package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"hark/server/keys"
)

// keysCommand makes, lists and revokes API keys.
type keysCommand struct {
	Add    keysAdd    `cmd:"" help:"Make a key and print it, this once."`
	List   keysList   `cmd:"" help:"List the keys, without what they are."`
	Revoke keysRevoke `cmd:"" help:"Revoke a key. A running server refuses it from its next request on."`
}

// keysFile says where the keys are.
type keysFile struct {
	Keys string `help:"File of the keys; without it keys.json in the user's folder of settings for hark." placeholder:"FILE"`
}

// path returns the file's path.
func (f keysFile) path() (string, error) {
	if f.Keys != "" {
		return f.Keys, nil
	}
	return settings("keys.json")
}

// settings returns the path of a file in the user's folder of settings.
func settings(name string) (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", usage("there is no folder for settings: %v", err)
	}
	return filepath.Join(dir, "hark", name), nil
}

type keysAdd struct {
	keysFile
	Name     string `arg:"" help:"Whose key it is."`
	Requests int    `help:"Requests a minute; 0 is no limit." default:"0"`
	Sessions int    `help:"Realtime sessions at a time; 0 is no limit." default:"0"`
}

// Run makes a key.
func (c *keysAdd) Run() error {
	path, err := c.path()
	if err != nil {
		return err
	}
	k, secret := keys.Make(c.Name)
	k.RequestsPerMinute, k.Sessions = c.Requests, c.Sessions
	if err := keys.Change(path, func(list []keys.Key) ([]keys.Key, error) { return append(list, k), nil }); err != nil {
		return usageError{err}
	}
	fmt.Fprintf(os.Stderr, "key %s of %s, in %s; it is not shown again:\n", k.ID, k.Name, path)
	fmt.Println(secret)
	return nil
}

type keysList struct{ keysFile }

// Run lists the keys.
func (c *keysList) Run() error {
	path, err := c.path()
	if err != nil {
		return err
	}
	list, err := keys.Read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return usageError{err}
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "ID\tNAME\tMADE\tREQUESTS A MINUTE\tSESSIONS")
	limit := func(n int) string {
		if n == 0 {
			return "any"
		}
		return fmt.Sprint(n)
	}
	for _, k := range list {
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\n", k.ID, k.Name, k.Created.Format("2006-01-02"), limit(k.RequestsPerMinute), limit(k.Sessions))
	}
	return out.Flush()
}

type keysRevoke struct {
	keysFile
	ID string `arg:"" help:"The key's id, as hark keys list shows it."`
}

// Run revokes a key.
func (c *keysRevoke) Run() error {
	path, err := c.path()
	if err != nil {
		return err
	}
	err = keys.Change(path, func(list []keys.Key) ([]keys.Key, error) {
		i := slices.IndexFunc(list, func(k keys.Key) bool { return k.ID == c.ID })
		if i < 0 {
			return nil, fmt.Errorf("there is no key %q", c.ID)
		}
		return slices.Delete(list, i, i+1), nil
	})
	if err != nil {
		return usageError{err}
	}
	return nil
}
