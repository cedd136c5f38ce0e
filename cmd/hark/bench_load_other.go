//go:build !linux

package main

import "errors"

var errCold = errors.New("--cold needs Linux")

func evict(string) error { return errCold }

func resident(string) (all, in int64, err error) { return 0, 0, errCold }
