//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// axe is the checker of accessibility, as make e2e fetches it.
const axe = "../.cache/e2e/node_modules/axe-core/axe.min.js"

// violation is what axe finds.
type violation struct {
	ID, Impact, Help string
	Nodes            []struct{ HTML, FailureSummary string }
}

// accessible lets axe look at the page as it is.
func accessible(t *testing.T, p *Page, state string) {
	t.Helper()
	script, err := os.ReadFile(axe)
	check(t, err)
	run(t, p, "window.axe || (0, eval)("+quote(string(script))+")")
	// What fades in has its colour first; the motion is not what is checked.
	run(t, p, "Promise.all(document.getAnimations().filter((a) => a.effect.getComputedTiming().iterations < 10).map((a) => a.finish()))")
	text, err := p.Eval("axe.run(document, { resultTypes: ['violations'] }).then(({ violations, passes }) => JSON.stringify({ violations, passes: passes.map(({ id }) => id) }))")
	check(t, err)
	var found struct {
		Violations []violation
		Passes     []string
	}
	check(t, json.Unmarshal([]byte(text), &found))
	if !slices.Contains(found.Passes, "color-contrast") {
		t.Errorf("%s: the contrast of colours was not checked, only %q", state, found.Passes)
	}
	for _, v := range found.Violations {
		line := fmt.Sprintf("%s: %s (%s): %s", state, v.ID, v.Impact, v.Help)
		for _, n := range v.Nodes {
			line += "\n\t" + n.HTML + "\n\t" + strings.ReplaceAll(n.FailureSummary, "\n", " ")
		}
		t.Error(line)
	}
}

// quote writes a text as JavaScript does.
func quote(text string) string {
	out, _ := json.Marshal(text)
	return string(out)
}

func TestEverybodyCanUseThePage(t *testing.T) {
	f := newFake(t)
	f.voiced = true
	looks := map[string]Options{
		"light":       {},
		"dark":        {Dark: true},
		"phone":       {Width: 390, Height: 844, Phone: true},
		"phone, dark": {Width: 390, Height: 844, Phone: true, Dark: true},
	}
	p := open(t, f.URL, Options{Camera: film(t, "picture-spoken-5.png")}, calls)
	everywhere := func(state string) {
		t.Helper()
		for name, o := range looks {
			check(t, p.Resize(o))
			accessible(t, p, state+", "+name)
		}
	}
	check(t, p.Wait(idle, soon))
	everywhere("idle")

	check(t, p.Click("see"))
	check(t, p.Upload("file", sample(t, "picture-4.png")))
	check(t, p.Wait("document.querySelectorAll('#attached img').length === 1", soon))
	check(t, p.Click("talk"))
	check(t, p.Wait(listening, soon))
	hear(t, f, 50)
	f.send(event{"type": "error", "error": event{"code": "invalid_value", "message": "the picture is too large"}})
	f.say("item_spoken")
	check(t, p.Wait("document.querySelector('.assistant .said')?.textContent", soon))
	everywhere("talking")

	check(t, p.Click("open-settings"))
	everywhere("settings")
	run(t, p, "document.querySelector('[name=mode][value=press]').click()")
	accessible(t, p, "settings, hold to talk")
}

// Nothing is squeezed or cut off on small screens, upright or not, nor where
// the page is enlarged.
func TestThePageFitsSmallScreens(t *testing.T) {
	f := newFake(t)
	p := open(t, f.URL, Options{Camera: film(t, "picture-spoken-5.png")}, calls)
	check(t, p.Wait(idle, soon))
	fits := func() {
		t.Helper()
		for _, size := range [][2]int{{280, 653}, {320, 568}, {360, 640}, {390, 844}, {568, 320}, {768, 1024}} {
			check(t, p.Resize(Options{Width: size[0], Height: size[1], Phone: true, Calm: true}))
			check(t, p.Wait(`(() => {
				const orb = document.querySelector('.orb').getBoundingClientRect();
				const out = [...document.querySelectorAll('button, input, textarea')].filter((e) => e.offsetParent && (e.getBoundingClientRect().right > innerWidth || e.getBoundingClientRect().left < 0));
				return innerWidth === `+fmt.Sprint(size[0])+` && Math.abs(orb.width - orb.height) < 0.5 && orb.bottom < innerHeight && !out.length;
			})()`, soon))
		}
	}
	fits()
	check(t, p.Click("see"))
	check(t, p.Ask("Where is "+strings.Repeat("Llanfairpwllgwyngyll", 5)+"?"))
	answers(t, p, 1, f.answer)
	fits()
}
