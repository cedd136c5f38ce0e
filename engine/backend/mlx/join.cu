  // Joins the parts of decode.cu: sums [rows, heads, PARTS, D], and most and
  // total of each part in scales [rows, heads, PARTS, 2].
  const float none = __int_as_float(0xff800000);
  const size_t block = blockIdx.x;
  float top = none;
  for (int p = 0; p < PARTS; p++) top = fmaxf(top, scales[(block * PARTS + p) * 2]);
  for (int i = int(threadIdx.x); i < D; i += int(blockDim.x)) {
    float all = 0, value = 0;
    for (int p = 0; p < PARTS; p++) {
      const float most = scales[(block * PARTS + p) * 2];
      const float f = most == none ? 0 : expf(most - top);
      all += f * scales[(block * PARTS + p) * 2 + 1];
      value += f * sums[(block * PARTS + p) * D + i];
    }
    out[block * D + i] = T(value / all);
  }
