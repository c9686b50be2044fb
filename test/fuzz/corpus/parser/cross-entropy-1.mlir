func.func @loss_per_row_with_lse(%x: tensor<?x?xf16>, %t: tensor<?xi8>, %o: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  %l:2 = softmax.cross_entropy axis(-1) reduction(none) ignore_index(255) ins(%x, %t : tensor<?x?xf16>, tensor<?xi8>) outs(%o, %o : tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>, tensor<?xf32>
  return %l#0, %l#1 : tensor<?xf32>, tensor<?xf32>
}
