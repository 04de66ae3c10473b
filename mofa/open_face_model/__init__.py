"""How the open face model is made from MakeHuman's head; no photograph goes into it."""
