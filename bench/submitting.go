package main

import "context"

// submitting is how fast single tasks are taken over HTTP. Nobody runs them meanwhile, so that
// nothing else takes time from the two sides.
func submitting() measurement {
	return measurement{
		name:    "submit",
		against: fastAPI,
		rows:    []row{{"submit over HTTP", perSecond, atLeast(15)}},
		ours: func(ctx context.Context, s *stage) ([]float64, error) {
			w, err := s.windlass(ctx, "-role", "api,web")
			if err != nil {
				return nil, err
			}
			rate, err := s.post(ctx, w.base+tasksPath, echoTask)
			return []float64{rate}, err
		},
		peer: func(ctx context.Context, s *stage) ([]float64, error) {
			p, err := s.peerWeb(ctx)
			if err != nil {
				return nil, err
			}
			rate, err := s.post(ctx, p.base+"/tasks", peerTask)
			return []float64{rate}, err
		},
	}
}
