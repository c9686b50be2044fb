func.func private @g(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %c0 = arith.constant 0 : index
  %d = tensor.dim %x, %c0 : tensor<?x8xf32>
  %i = tensor.empty(%d) : tensor<?x8xf32>
  %y = softmax.softmax axis(-1) {scale = 0.5, softcap = 3.0e+01} ins(%x : tensor<?x8xf32>) outs(%i : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
func.func @f(%x: tensor<?x8xf32> {softmax.name = "x"}, %m: tensor<?x8xi8>) -> (tensor<?xf32> {softmax.name = "lse"}, tensor<?x8xf32>) {
  %c0 = arith.constant 0 : index
  %p = call @g(%x) : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %d = tensor.dim %x, %c0 : tensor<?x8xf32>
  %q = arith.addf %p, %x : tensor<?x8xf32>
  %i = tensor.empty(%d) : tensor<?xf32>
  %l = softmax.logsumexp axis(1) ins(%q, %m : tensor<?x8xf32>, tensor<?x8xi8>) outs(%i : tensor<?xf32>) -> tensor<?xf32>
  return %l, %q : tensor<?xf32>, tensor<?x8xf32>
}
