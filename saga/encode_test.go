package saga

import (
	"encoding/json"
	"fmt"

	"pgregory.net/rapid"
)

// encode is an instance as it is stored, with the columns beside its JSON.
func encode(in Instance) string {
	body, err := json.Marshal(in)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("%s %s %d %s %s %s %s %s %d %s", in.ID, in.Type, in.Version, in.State, in.Input,
		in.Created, in.Updated, in.Finished, in.Revision, body) + in.Deadline.String()
}

// decodeInstance is the instance after it was stored and read again.
func decodeInstance(t *rapid.T, in Instance) Instance {
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	appended, err := in.AppendJSON(nil)
	if err != nil || string(appended) != string(body) {
		t.Fatalf("%v: appended is\n%s, marshalled is\n%s", err, appended, body)
	}
	var out Instance
	if err := json.Unmarshal(body, &out); err != nil {
		t.Fatal(err)
	}
	out.ID, out.Type, out.Version, out.Input, out.State = in.ID, in.Type, in.Version, in.Input, in.State
	out.Created, out.Updated, out.Finished, out.Deadline, out.Revision = in.Created, in.Updated, in.Finished, in.Deadline, in.Revision
	return out
}
