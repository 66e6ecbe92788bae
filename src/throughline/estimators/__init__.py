"""The networks of `scratch` as estimators: what scikit-learn expects of one, on top of the engine in `scratch.plan`.

`perceptron`, `classifier` and `regressor` hold the estimators; `base` what the two networks share; `stochastic` and
`lbfgs` how they are trained; `schedules`, `callbacks`, `metrics` and `checkpoint` what a training can be told;
`prediction` and `blas` make it fast. Import the estimators from `throughline` itself.
"""
