"""MoFA (Tewari et al. 2017): a face autoencoder with a morphable model and a renderer inside."""
