"""What is analysed: a layer, a map or a differential equation as one step of a state vector, with its Jacobian."""
