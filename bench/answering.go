package main

import "context"

// answering is how often a finished task is read through the whole of each stack.
func answering() measurement {
	return measurement{
		name:    "answer",
		against: "FastAPI behind nginx",
		rows:    []row{{"read a finished task over HTTP", perSecond, atLeast(5)}},
		ours: func(ctx context.Context, s *stage) ([]float64, error) {
			w, err := s.windlass(ctx)
			if err != nil {
				return nil, err
			}
			id, err := w.submitAndWait(ctx)
			if err != nil {
				return nil, err
			}
			rate, err := s.get(ctx, w.base+tasksPath+"/"+id)
			return []float64{rate}, err
		},
		peer: func(ctx context.Context, s *stage) ([]float64, error) {
			p, err := s.peerWeb(ctx)
			if err != nil {
				return nil, err
			}
			if _, err := s.peerWorker(); err != nil {
				return nil, err
			}
			id, err := p.submitAndWait(ctx)
			if err != nil {
				return nil, err
			}
			rate, err := s.get(ctx, p.base+"/tasks/"+id)
			return []float64{rate}, err
		},
	}
}
