"""MoFA (Tewari et al. 2017): a face autoencoder that decodes by a face model and a renderer."""
