package rtc

import (
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// loggers makes pion's loggers. What it warns of is mostly what clients and
// networks do, so all of it is for those who look for it.
type loggers struct{ log *slog.Logger }

// NewLogger returns the logger of a part of pion.
func (l loggers) NewLogger(scope string) logging.LeveledLogger {
	return logger{l.log.With("pion", scope)}
}

type logger struct{ log *slog.Logger }

func (logger) Trace(string)                  {}
func (logger) Tracef(string, ...any)         {}
func (logger) Debug(string)                  {}
func (logger) Debugf(string, ...any)         {}
func (logger) Info(string)                   {}
func (logger) Infof(string, ...any)          {}
func (l logger) Warn(msg string)             { l.log.Debug(msg) }
func (l logger) Warnf(f string, args ...any) { l.log.Debug(fmt.Sprintf(f, args...)) }
func (l logger) Error(msg string)            { l.log.Debug(msg) }
func (l logger) Errorf(f string, args ...any) {
	l.log.Debug(fmt.Sprintf(f, args...))
}
