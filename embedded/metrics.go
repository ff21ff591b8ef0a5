package embedded

import "github.com/prometheus/client_golang/prometheus"

// Collectors give the metrics of the orchestrator and the banks to a Prometheus registry. They work from
// New to the end of Run.
func (n *Node) Collectors() []prometheus.Collector {
	all := []prometheus.Collector{n.orchestrator.Collector()}
	for _, bank := range n.banks {
		all = append(all, bank.Collector())
	}
	return all
}
