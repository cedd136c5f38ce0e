//go:build goldens

package chat

import "testing"

// TestRenderEqualsTheReferenceAtLength compares the thousands of random
// conversations that tools/goldens/make.sh makes.
func TestRenderEqualsTheReferenceAtLength(t *testing.T) {
	t.Parallel()
	compare(t, "../../.cache/goldens/chat/cases.json", 3000)
}
