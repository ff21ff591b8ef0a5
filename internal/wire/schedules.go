package wire

// AllSchedules puts the pages of schedules together.
func AllSchedules(page func(ScheduleListRequest) (ScheduleList, error)) (ScheduleList, error) {
	all := ScheduleList{Items: []Schedule{}}
	for req := (ScheduleListRequest{}); ; req.Cursor = all.Next {
		list, err := page(req)
		if err != nil {
			return all, err
		}
		all.Items = append(all.Items, list.Items...)
		if all.Next = list.Next; all.Next == "" {
			return all, nil
		}
	}
}
