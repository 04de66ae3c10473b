"""MoFA (Tewari et al. 2017): a face autoencoder whose decoder is a morphable model and a renderer."""
