"""What pipelines are made of: Ray, passes over an archive, pools of models, training."""
