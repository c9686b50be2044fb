// RUN: softmax-opt %s --softmax-lower-tasks --canonicalize | FileCheck %s

// The body becomes a worker that runs the tasks [begin, end) on what it finds in
// a record of the values that it uses.

// CHECK-LABEL: func private @openmp.tasks0
// CHECK-SAME:    (%[[RECORD:.*]]: !llvm.ptr, %[[BEGIN:.*]]: i64, %[[END:.*]]: i64)
// CHECK:         %[[POINTER:.*]] = llvm.getelementptr %[[RECORD]][0, 0]
// CHECK:         llvm.load %[[POINTER]]
// CHECK-DAG:     %[[FROM:.*]] = arith.index_cast %[[BEGIN]] : i64 to index
// CHECK-DAG:     %[[TO:.*]] = arith.index_cast %[[END]] : i64 to index
// CHECK:         scf.for %[[TASK:.*]] = %[[FROM]] to %[[TO]]
// CHECK:           memref.store %{{.*}}, %{{.*}}[%[[TASK]]]

// Each thread of the team takes an equal part of them.

// CHECK-LABEL: func private @openmp.tasks0.team
// CHECK:         llvm.call @omp_get_thread_num
// CHECK:         llvm.call @omp_get_num_threads
// CHECK:         call @openmp.tasks0(

// With one thread, or one task, no team is made.

// CHECK-LABEL: func @openmp(
// CHECK-NOT:     scf.parallel
// CHECK:         llvm.call @omp_get_max_threads
// CHECK:         scf.if
// CHECK:           call @openmp.tasks0(
// CHECK:         else
// CHECK:           llvm.call @GOMP_parallel
func.func @openmp(%y: memref<4xf32>, %value: f32) attributes {
    softmax.schedule = #softmax.cpu_schedule<threads = openmp>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.parallel (%task) = (%c0) to (%c4) step (%c1) {
    memref.store %value, %y[%task] : memref<4xf32>
  } {row.tasks}
  return
}
