// Package fetch gets what a client's request names by its address, from hosts
// that the operator allows. Requests of strangers are made from inside the
// operator's network here, so nothing else is reached: no other host, no
// address of a private network, no other scheme, not by a redirect either.
//
// Start reading at Client.Get.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Errors that callers tell apart.
var (
	// ErrRefused says that an address may not be fetched.
	ErrRefused = errors.New("fetch: not allowed")
	// ErrTooLarge says that there is more than was asked for.
	ErrTooLarge = errors.New("fetch: too large")
	// ErrFailed says that it could not be had.
	ErrFailed = errors.New("fetch: failed")
)

const (
	timeout      = 15 * time.Second // for a whole fetch
	headTimeout  = 5 * time.Second  // for the answer to begin
	maxRedirects = 3
	maxAddress   = 4096 // bytes of an address
)

// Client fetches. It is safe for concurrent use.
type Client struct {
	hosts []string
	http  *http.Client
}

// New makes a client for hosts. An entry is a host or a pattern of one, as
// path.Match has it ("*" is every host): it is reached at ports 80 and 443, and
// at public addresses only. An entry with a port is exactly that host and port,
// wherever it is. Without entries everything is refused.
func New(hosts []string) (*Client, error) {
	c := &Client{}
	for _, h := range hosts {
		h = strings.ToLower(strings.TrimSpace(h))
		if _, err := path.Match(h, ""); err != nil || h == "" || strings.Contains(h, "/") {
			return nil, fmt.Errorf("fetch: host %q, want a name, a pattern, or host:port", h)
		}
		c.hosts = append(c.hosts, h)
	}
	dialer := &net.Dialer{Timeout: headTimeout, Control: control(true)}
	named := &net.Dialer{Timeout: headTimeout, Control: control(false)}
	c.http = &http.Client{
		Timeout:       timeout,
		CheckRedirect: c.redirect,
		Transport: &http.Transport{ // no proxy: it would dial in our place
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				if slices.Contains(c.hosts, strings.ToLower(addr)) {
					return named.DialContext(ctx, network, addr)
				}
				return dialer.DialContext(ctx, network, addr)
			},
			TLSHandshakeTimeout:   headTimeout,
			ResponseHeaderTimeout: headTimeout,
			DisableKeepAlives:     true,
		},
	}
	return c, nil
}

// Get returns what is at an address, at most limit bytes.
func (c *Client) Get(ctx context.Context, address string, limit int64) ([]byte, error) {
	if len(address) > maxAddress {
		return nil, fmt.Errorf("%w: an address of %d bytes", ErrRefused, len(address))
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if err := c.check(u); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	resp, err := c.http.Do(req)
	if errors.Is(err, ErrRefused) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFailed, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: %s answers %s", ErrFailed, u.Host, resp.Status)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFailed, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	return data, nil
}

// check refuses addresses that may not be fetched, before anything is dialled.
func (c *Client) check(u *url.URL) error {
	port := u.Port()
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%w: scheme %q", ErrRefused, u.Scheme)
	case u.User != nil:
		return fmt.Errorf("%w: an address with a password", ErrRefused)
	case port == "" && u.Scheme == "http":
		port = "80"
	case port == "":
		port = "443"
	}
	host := strings.ToLower(u.Hostname())
	if slices.Contains(c.hosts, net.JoinHostPort(host, port)) {
		return nil
	}
	for _, pattern := range c.hosts {
		if ok, _ := path.Match(pattern, host); ok && (port == "80" || port == "443") { // checked by New
			return nil
		}
	}
	return fmt.Errorf("%w: host %s", ErrRefused, net.JoinHostPort(host, port))
}

func (c *Client) redirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("%w: more than %d redirects", ErrRefused, maxRedirects)
	}
	return c.check(req.URL)
}

// control looks at the address that a name turned out to have, right before it
// is dialled: whoever answers for names cannot change it after that.
func control(publicOnly bool) func(network, address string, _ syscall.RawConn) error {
	return func(network, address string, _ syscall.RawConn) error {
		addr, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: address %q", ErrRefused, address)
		}
		if publicOnly && !public(addr.Addr()) {
			return fmt.Errorf("%w: %s is no public address", ErrRefused, addr.Addr())
		}
		return nil
	}
}

// reserved are the networks that are not on the public internet, beside those
// that netip knows.
//
// Source: IANA IPv4 and IPv6 Special-Purpose Address Registries.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("3fff::/20"), netip.MustParsePrefix("5f00::/16"), netip.MustParsePrefix("fec0::/10"),
}

// public reports whether an address is one of the public internet.
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsGlobalUnicast() && !a.IsPrivate() &&
		!slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(a) })
}
