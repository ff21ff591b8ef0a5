package saga

import "testing"

func TestTryOf(t *testing.T) {
	for run, want := range map[string]string{
		"hold.confirm": "hold.try", "hold.confirm~1": "hold.try", "a-b_1.confirm~12": "a-b_1.try",
		"hold": "", "hold.try": "", "confirm": "", ".confirm": "", "hold.confirmed": "", "hold~1": "", "hold~1.confirm": "", "": "",
	} {
		if got, ok := TryOf(run); ok != (want != "") || ok && got != want {
			t.Errorf("%q confirms %q %v, want %q", run, got, ok, want)
		}
	}
}

// TestCheckTry holds that a confirm runs after one state of its try only.
func TestCheckTry(t *testing.T) {
	for _, state := range []RowState{RowNone, RowSucceeded, RowRejected, RowFenced, RowUndone, RowClosed} {
		rec, ok := CheckTry(Row{State: state, Origin: "here"}, "here")
		if ok != (state == RowSucceeded) {
			t.Errorf("after %q the confirm may run: %v", state, ok)
		}
		if !ok && (rec.Outcome != Conflict || rec.Code != "try_missing" || rec.Message == "") {
			t.Errorf("after %q: %+v", state, rec)
		}
		if rec, ok := CheckTry(Row{State: state, Origin: "there"}, "here"); ok || state != RowNone && rec.Code != "other_origin" {
			t.Errorf("after another store's %q: %+v %v", state, rec, ok)
		}
	}
}
