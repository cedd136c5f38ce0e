package main

import (
	"encoding/json"
	"maps"
	"strconv"

	"hark/engine/weights"
)

// object is a JSON object.
type object = map[string]any

// configs returns the files that describe the checkpoint, but for
// tokenizer.json. Source: specification of Gemma 4, section 2.
func (s *shape) configs(scheme *weights.Scheme) (map[string][]byte, error) {
	config := s.gemma4()
	generation := object{"do_sample": true, "temperature": 1.0, "top_k": 64, "top_p": 0.95, "bos_token_id": 2, "pad_token_id": 0, "eos_token_id": []int{1, 106, 50}}
	if s.gemma3 {
		config = s.gemma3Config()
		generation["eos_token_id"] = []int{1, 106}
	}
	if scheme != nil {
		q := object{"group_size": scheme.Group, "bits": scheme.Bits, "mode": scheme.Mode()}
		for i := range s.text.layers * min(s.text.experts, 1) {
			q["language_model.model.layers."+strconv.Itoa(i)+".router.proj"] = object{"group_size": 64, "bits": 8}
		}
		config["quantization"], config["quantization_config"] = q, q
	}
	objects := map[string]object{"config.json": config, "generation_config.json": generation, "tokenizer_config.json": s.roles()}
	if !s.gemma3 {
		objects["processor_config.json"] = object{
			"processor_class": "Gemma4Processor", "image_seq_length": 280, "audio_seq_length": 750, "audio_ms_per_token": 40,
			"image_processor": object{"patch_size": 16, "pooling_kernel_size": 3, "max_soft_tokens": 280},
		}
	}
	files := map[string][]byte{}
	for name, o := range objects {
		data, err := json.MarshalIndent(o, "", " ")
		if err != nil {
			return nil, err
		}
		files[name] = append(data, '\n')
	}
	return files, nil
}

// layerTypes names the kinds of the decoder's layers.
func (t *text) layerTypes() []string {
	var types []string
	for i := range t.layers {
		kind := "sliding_attention"
		if t.full(i) {
			kind = "full_attention"
		}
		types = append(types, kind)
	}
	return types
}

// common are the keys of both families.
func (t *text) common() object {
	return object{
		"vocab_size": t.vocab, "hidden_size": t.hidden, "intermediate_size": t.f, "num_hidden_layers": t.layers,
		"num_attention_heads": t.heads, "num_key_value_heads": t.kvHeads, "head_dim": t.dim, "layer_types": t.layerTypes(),
		"sliding_window": t.window, "max_position_embeddings": t.context, "rms_norm_eps": 1e-6,
		"hidden_activation": "gelu_pytorch_tanh", "attention_bias": false, "tie_word_embeddings": true,
		"bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0, "dtype": "bfloat16",
	}
}

func (s *shape) gemma3Config() object {
	c := s.text.common()
	maps.Copy(c, object{
		"model_type": "gemma3_text", "architectures": []string{"Gemma3ForCausalLM"},
		"query_pre_attn_scalar": s.text.dim, "rope_theta": 1e6, "rope_local_base_freq": 1e4,
	})
	return c
}

func (s *shape) gemma4() object {
	t := &s.text
	c := t.common()
	maps.Copy(c, object{
		"model_type": "gemma4_text", "global_head_dim": t.fullDim, "attention_k_eq_v": t.keyIsValue,
		"num_kv_shared_layers": t.shared, "use_double_wide_mlp": t.doubleWide,
		"hidden_size_per_layer_input": t.ple, "vocab_size_per_layer_input": t.vocab, "final_logit_softcapping": t.softCap,
		"enable_moe_block": t.experts > 0, "use_bidirectional_attention": nil,
		"rope_parameters": object{
			"sliding_attention": object{"rope_type": "default", "rope_theta": 1e4},
			"full_attention":    object{"rope_type": "proportional", "partial_rotary_factor": 0.25, "rope_theta": 1e6},
		},
	})
	if t.keyIsValue {
		c["num_global_key_value_heads"], c["use_bidirectional_attention"] = t.fullKVHeads, "vision"
	}
	if t.experts > 0 {
		c["num_experts"], c["top_k_experts"], c["moe_intermediate_size"] = t.experts, t.topExperts, t.expertF
	}
	top := object{
		"model_type": "gemma4", "architectures": []string{"Gemma4ForConditionalGeneration"}, "dtype": "bfloat16", "tie_word_embeddings": true,
		"text_config": c, "image_token_id": 258880, "audio_token_id": 258881, "video_token_id": 258884,
		"boi_token_id": 255999, "eoi_token_id": 258882, "boa_token_id": 256000, "eoa_token_id": 258883, "eos_token_id": []int{1, 106},
	}
	if v := s.vision; v != nil {
		top["vision_config"] = object{
			"model_type": "gemma4_vision", "hidden_size": v.hidden, "intermediate_size": v.f, "num_hidden_layers": v.layers,
			"num_attention_heads": v.heads, "num_key_value_heads": v.heads, "head_dim": v.dim, "patch_size": 16, "pooling_kernel_size": 3,
			"position_embedding_size": v.positions, "rope_parameters": object{"rope_theta": 100.0, "rope_type": "default"},
			"use_clipped_linears": v.clipped, "standardize": v.standardize, "rms_norm_eps": 1e-6,
		}
	}
	if a := s.audio; a != nil {
		top["audio_config"] = object{
			"model_type": "gemma4_audio", "hidden_size": a.hidden, "num_hidden_layers": a.layers, "num_attention_heads": a.heads,
			"hidden_act": "silu", "subsampling_conv_channels": a.channels, "conv_kernel_size": 5, "residual_weight": 0.5,
			"attention_chunk_size": 12, "attention_context_left": 13, "attention_context_right": 0, "attention_logit_cap": 50.0,
			"use_clipped_linears": a.clipped, "rms_norm_eps": 1e-6, "output_proj_dims": a.out,
		}
	}
	return top
}
