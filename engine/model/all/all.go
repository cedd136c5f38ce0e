// Package all lists the model families of this build. Import it for its
// effect.
//
// Start reading at the imports.
package all

import (
	_ "hark/engine/model/gemma3" // Gemma 3, text
	_ "hark/engine/model/gemma4" // Gemma 4
)
