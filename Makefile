# Thin names for dev.py, which works without make. Arguments: make train ARGS="--num-envs 8"
.PHONY: setup train test lint walkthrough fuzz rom bench bench_learner
setup test lint walkthrough fuzz rom bench bench_learner:
	python3 dev.py $@ $(ARGS)
train:
	python3 dev.py train_big $(ARGS)
