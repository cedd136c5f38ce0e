package conversation

import "hark/session/realtime"

// Oldest returns the items that leave a prompt first, the oldest that can: a
// whole turn, everything before the second message of a user, as long as there
// are two; then, of the turn that is left, calls with their outputs and
// answers; at last what the user said. Instructions and the last item never
// leave, and a call never leaves without its output nor an output that the
// model has yet to read. It returns none when nothing else is left.
func Oldest(items []*Item) []*Item {
	var in []*Item
	for _, it := range items {
		if !it.Forgotten && it.Role != realtime.RoleSystem {
			in = append(in, it)
		}
	}
	user := false // the item before was a user's
	for cut, it := range in {
		is := it.Role == realtime.RoleUser
		if is && !user && cut > 0 {
			if gone := turn(in, cut); len(gone) > 0 {
				return gone
			}
		}
		user = is
	}
	return within(in)
}

// turn returns the items before cut, but for calls that are answered behind it.
func turn(in []*Item, cut int) (gone []*Item) {
	later := outputs(in[cut:])
	for _, it := range in[:cut] {
		if it.Type != realtime.FunctionCall || !later[it.CallID] {
			gone = append(gone, it)
		}
	}
	return gone
}

// within returns what leaves first where only one turn is left.
func within(in []*Item) []*Item {
	if len(in) == 0 {
		return nil
	}
	end := len(in) - 1 // what the model answers next begins here
	for end > 0 && in[end].Type == realtime.FunctionCallOutput && in[end-1].Type == realtime.FunctionCallOutput {
		end--
	}
	last := outputs(in[end:])
	for i, it := range in[:end] {
		switch {
		case it.Role == realtime.RoleUser, it.Type == realtime.FunctionCall && last[it.CallID]:
		case it.Type == realtime.FunctionCall:
			gone := []*Item{it}
			for _, o := range in[i+1 : end] {
				if o.Type == realtime.FunctionCallOutput && o.CallID == it.CallID {
					gone = append(gone, o)
				}
			}
			return gone
		default:
			return []*Item{it}
		}
	}
	for _, it := range in[:end] {
		if it.Role == realtime.RoleUser {
			return []*Item{it}
		}
	}
	return nil
}

// outputs returns the ids of the calls that items answer.
func outputs(items []*Item) map[string]bool {
	ids := map[string]bool{}
	for _, it := range items {
		if it.Type == realtime.FunctionCallOutput {
			ids[it.CallID] = true
		}
	}
	return ids
}
