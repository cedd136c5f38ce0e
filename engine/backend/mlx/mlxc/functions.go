package mlxc

// function is a function of mlx-c, an index into Library.functions.
type function int

const (
	fnVersion function = iota
	fnSetErrorHandler
	fnStringNew
	fnStringData
	fnStringFree
	fnDeviceNewType
	fnDeviceFree
	fnDeviceIsAvailable
	fnDeviceInfoNew
	fnDeviceInfoGet
	fnDeviceInfoGetString
	fnDeviceInfoFree
	fnSetDefaultDevice
	fnStreamNewThreadUnsafe
	fnStreamFree
	fnSynchronize
	fnSetMemoryLimit
	fnSetCacheLimit
	fnGetActiveMemory
	fnGetCacheMemory
	fnGetPeakMemory
	fnClearCache
	fnArrayNewData
	fnArrayNewManaged
	fnArrayFree
	fnArraySet
	fnArrayNdim
	fnArrayShape
	fnArrayDataFloat32
	fnArrayDataUint8
	fnArrayDataInt32
	fnArrayEval
	fnVectorNewData
	fnVectorFree
	fnVectorSize
	fnVectorGet
	fnVectorSetData
	fnEval
	fnAsyncEval
	fnSetCompileMode
	fnCompile
	fnClosureNewFuncPayload
	fnClosureNew
	fnClosureApply
	fnClosureFree
	fnAdd
	fnSubtract
	fnMultiply
	fnDivide
	fnMaximum
	fnMinimum
	fnTanh
	fnSigmoid
	fnAbs
	fnRound
	fnNegative
	fnAstype
	fnView
	fnReshape
	fnTranspose
	fnSlice
	fnSliceUpdate
	fnConcatenate
	fnTake
	fnTakeAlong
	fnScatter
	fnContiguous
	fnZeros
	fnBroadcastTo
	fnMean
	fnSum
	fnMax
	fnSoftmax
	fnArgpartition
	fnArgsort
	fnArgmax
	fnCumsum
	fnSort
	fnExp
	fnLess
	fnLogicalAnd
	fnWhere
	fnMatmul
	fnQuantizedMatmul
	fnGatherQMM
	fnGatherMM
	fnDequantize
	fnConv1d
	fnConv2d
	fnRMSNorm
	fnRopeDynamic
	fnAttention
	fnGroupInit
	fnGroupAvailable
	fnGroupFree
	fnGroupRank
	fnGroupSize
	fnAllGather
	fnAllSum
	fnStringsNew
	fnStringsAppend
	fnStringsFree
	fnKernelNew
	fnKernelFree
	fnKernelApply
	fnLaunchNew
	fnLaunchFree
	fnLaunchResult
	fnLaunchGrid
	fnLaunchBlock
	functionCount
)

// names are the functions' symbols.
var names = [functionCount]string{
	fnVersion:               "mlx_version",
	fnSetErrorHandler:       "mlx_set_error_handler",
	fnStringNew:             "mlx_string_new",
	fnStringData:            "mlx_string_data",
	fnStringFree:            "mlx_string_free",
	fnDeviceNewType:         "mlx_device_new_type",
	fnDeviceFree:            "mlx_device_free",
	fnDeviceIsAvailable:     "mlx_device_is_available",
	fnDeviceInfoNew:         "mlx_device_info_new",
	fnDeviceInfoGet:         "mlx_device_info_get",
	fnDeviceInfoGetString:   "mlx_device_info_get_string",
	fnDeviceInfoFree:        "mlx_device_info_free",
	fnSetDefaultDevice:      "mlx_set_default_device",
	fnStreamNewThreadUnsafe: "mlx_stream_new_thread_unsafe",
	fnStreamFree:            "mlx_stream_free",
	fnSynchronize:           "mlx_synchronize",
	fnSetMemoryLimit:        "mlx_set_memory_limit",
	fnSetCacheLimit:         "mlx_set_cache_limit",
	fnGetActiveMemory:       "mlx_get_active_memory",
	fnGetCacheMemory:        "mlx_get_cache_memory",
	fnGetPeakMemory:         "mlx_get_peak_memory",
	fnClearCache:            "mlx_clear_cache",
	fnArrayNewData:          "mlx_array_new_data",
	fnArrayNewManaged:       "mlx_array_new_data_managed_payload",
	fnArrayFree:             "mlx_array_free",
	fnArraySet:              "mlx_array_set",
	fnArrayNdim:             "mlx_array_ndim",
	fnArrayShape:            "mlx_array_shape",
	fnArrayDataFloat32:      "mlx_array_data_float32",
	fnArrayDataUint8:        "mlx_array_data_uint8",
	fnArrayDataInt32:        "mlx_array_data_int32",
	fnArrayEval:             "mlx_array_eval",
	fnVectorNewData:         "mlx_vector_array_new_data",
	fnVectorFree:            "mlx_vector_array_free",
	fnVectorSize:            "mlx_vector_array_size",
	fnVectorGet:             "mlx_vector_array_get",
	fnVectorSetData:         "mlx_vector_array_set_data",
	fnEval:                  "mlx_eval",
	fnAsyncEval:             "mlx_async_eval",
	fnSetCompileMode:        "mlx_set_compile_mode",
	fnCompile:               "mlx_compile",
	fnClosureNewFuncPayload: "mlx_closure_new_func_payload",
	fnClosureNew:            "mlx_closure_new",
	fnClosureApply:          "mlx_closure_apply",
	fnClosureFree:           "mlx_closure_free",
	fnAdd:                   "mlx_add",
	fnSubtract:              "mlx_subtract",
	fnMultiply:              "mlx_multiply",
	fnDivide:                "mlx_divide",
	fnMaximum:               "mlx_maximum",
	fnMinimum:               "mlx_minimum",
	fnTanh:                  "mlx_tanh",
	fnSigmoid:               "mlx_sigmoid",
	fnAbs:                   "mlx_abs",
	fnRound:                 "mlx_round",
	fnNegative:              "mlx_negative",
	fnAstype:                "mlx_astype",
	fnView:                  "mlx_view",
	fnReshape:               "mlx_reshape",
	fnTranspose:             "mlx_transpose_axes",
	fnSlice:                 "mlx_slice",
	fnSliceUpdate:           "mlx_slice_update",
	fnConcatenate:           "mlx_concatenate_axis",
	fnTake:                  "mlx_take_axis",
	fnTakeAlong:             "mlx_take_along_axis",
	fnScatter:               "mlx_scatter_single",
	fnContiguous:            "mlx_contiguous",
	fnZeros:                 "mlx_zeros",
	fnBroadcastTo:           "mlx_broadcast_to",
	fnMean:                  "mlx_mean_axes",
	fnSum:                   "mlx_sum_axes",
	fnMax:                   "mlx_max_axes",
	fnSoftmax:               "mlx_softmax_axis",
	fnArgpartition:          "mlx_argpartition_axis",
	fnArgsort:               "mlx_argsort_axis",
	fnArgmax:                "mlx_argmax_axis",
	fnCumsum:                "mlx_cumsum_axis",
	fnSort:                  "mlx_sort_axis",
	fnExp:                   "mlx_exp",
	fnLess:                  "mlx_less",
	fnLogicalAnd:            "mlx_logical_and",
	fnWhere:                 "mlx_where",
	fnMatmul:                "mlx_matmul",
	fnQuantizedMatmul:       "mlx_quantized_matmul",
	fnGatherQMM:             "mlx_gather_qmm",
	fnGatherMM:              "mlx_gather_mm",
	fnDequantize:            "mlx_dequantize",
	fnConv1d:                "mlx_conv1d",
	fnConv2d:                "mlx_conv2d",
	fnRMSNorm:               "mlx_fast_rms_norm",
	fnRopeDynamic:           "mlx_fast_rope_dynamic",
	fnAttention:             "mlx_fast_scaled_dot_product_attention",
	fnGroupInit:             "mlx_distributed_init",
	fnGroupAvailable:        "mlx_distributed_is_available",
	fnGroupFree:             "mlx_distributed_group_free",
	fnGroupRank:             "mlx_distributed_group_rank",
	fnGroupSize:             "mlx_distributed_group_size",
	fnAllGather:             "mlx_distributed_all_gather",
	fnAllSum:                "mlx_distributed_all_sum",
	fnStringsNew:            "mlx_vector_string_new",
	fnStringsAppend:         "mlx_vector_string_append_value",
	fnStringsFree:           "mlx_vector_string_free",
	fnKernelNew:             "mlx_fast_cuda_kernel_new",
	fnKernelFree:            "mlx_fast_cuda_kernel_free",
	fnKernelApply:           "mlx_fast_cuda_kernel_apply",
	fnLaunchNew:             "mlx_fast_cuda_kernel_config_new",
	fnLaunchFree:            "mlx_fast_cuda_kernel_config_free",
	fnLaunchResult:          "mlx_fast_cuda_kernel_config_add_output_arg",
	fnLaunchGrid:            "mlx_fast_cuda_kernel_config_set_grid",
	fnLaunchBlock:           "mlx_fast_cuda_kernel_config_set_thread_group",
}
