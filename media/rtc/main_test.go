package rtc

import (
	"testing"

	"hark/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }
