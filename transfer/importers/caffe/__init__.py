"""Caffe networks: a `.prototxt` that states the layers, and a `.caffemodel` that holds their arrays."""
