  // The attention of single rows, online softmax by warps. Block (h, r, s) is
  // query head h of row r and part s of the positions that the row sees:
  //   q     [rows, heads, D]
  //   k, v  [1, K, room, D] of each row
  //   a     of each row, 64 bits: the first position, how many (21 bits each), room
  // A lane holds V neighbouring values of each C-th part of a head.
  constexpr int WARPS = 16;
  constexpr int WIDE = 16 / int(sizeof(T));
  constexpr int V = D / 32 < WIDE ? D / 32 : WIDE;
  constexpr int C = D / (32 * V);
  constexpr int U = sizeof(T) == 2 ? 4 : 2;  // positions in flight
  struct alignas(sizeof(T) * V) Pack { T v[V]; };
  const float none = __int_as_float(0xff800000);

  const int heads = int(gridDim.x), head = int(blockIdx.x), row = int(blockIdx.y), part = int(blockIdx.z);
  const int warp = int(threadIdx.x) / 32, lane = int(threadIdx.x) % 32;
  const T* keys = k0;
  const T* values = v0;
  const uint32_t* area = a0;
  SELECT
  const uint64_t packed = uint64_t(area[0]) | uint64_t(area[1]) << 32;
  const int first = int(packed & 0x1fffff), count = int(packed >> 21 & 0x1fffff), room = int(packed >> 42);
  const int step = (count + PARTS - 1) / PARTS, begin = part * step, end = min(count, begin + step);
  const size_t base = (size_t(head / (heads / K)) * room + first) * D + lane * V;
  keys += base;
  values += base;

  float x[C][V], sum[C][V], most = none, total = 0;
  for (int c = 0; c < C; c++) {
    const Pack p = *reinterpret_cast<const Pack*>(q + (size_t(row) * heads + head) * D + c * 32 * V + lane * V);
    for (int i = 0; i < V; i++) {
      x[c][i] = float(p.v[i]);
      sum[c][i] = 0;
    }
  }
  for (int at = begin + warp * U; at < end; at += WARPS * U) {
    Pack k[U][C], v[U][C];
#pragma unroll
    for (int u = 0; u < U; u++) {
      const size_t from = size_t(min(at + u, end - 1)) * D;
#pragma unroll
      for (int c = 0; c < C; c++) {
        k[u][c] = *reinterpret_cast<const Pack*>(keys + from + c * 32 * V);
        v[u][c] = *reinterpret_cast<const Pack*>(values + from + c * 32 * V);
      }
    }
    float score[U], top = most;
#pragma unroll
    for (int u = 0; u < U; u++) {
      float s = 0;
#pragma unroll
      for (int c = 0; c < C; c++)
#pragma unroll
        for (int i = 0; i < V; i++) s += x[c][i] * float(k[u][c].v[i]);
#pragma unroll
      for (int o = 16; o > 0; o /= 2) s += __shfl_xor_sync(0xffffffffu, s, o);
      score[u] = at + u < end ? s : none;
      top = fmaxf(top, score[u]);
    }
    const float before = expf(most - top);
    most = top;
    total *= before;
#pragma unroll
    for (int c = 0; c < C; c++)
#pragma unroll
      for (int i = 0; i < V; i++) sum[c][i] *= before;
#pragma unroll
    for (int u = 0; u < U; u++) {
      const float w = expf(score[u] - top);
      total += w;
#pragma unroll
      for (int c = 0; c < C; c++)
#pragma unroll
        for (int i = 0; i < V; i++) sum[c][i] += w * float(v[u][c].v[i]);
    }
  }

  __shared__ float tops[WARPS], totals[WARPS], sums[WARPS][D];
  if (lane == 0) {
    tops[warp] = most;
    totals[warp] = total;
  }
  for (int c = 0; c < C; c++)
    for (int i = 0; i < V; i++) sums[warp][c * 32 * V + lane * V + i] = sum[c][i];
  __syncthreads();
  float top = none;
  for (int w = 0; w < WARPS; w++) top = fmaxf(top, tops[w]);
  const size_t block = (size_t(row) * heads + head) * PARTS + part;
  for (int i = int(threadIdx.x); i < D; i += WARPS * 32) {
    float all = 0, value = 0;
    for (int w = 0; w < WARPS; w++) {
      const float f = tops[w] == none ? 0 : expf(tops[w] - top);
      all += f * totals[w];
      value += f * sums[w][i];
    }
    FINISH
  }
