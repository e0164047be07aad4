// Package tihua has what a Go client of a tihua server needs beside the generated stubs of package
// tihuav1: unpacked embeddings, explained errors and the bulk stream.
package tihua

import (
	"encoding/binary"
	"fmt"
	"math"

	tihuav1 "github.com/tihua/tihua/client/go/v1"
)

// Embeddings unpacks a block of float32: block.Count embeddings, each of block.Dim numbers.
func Embeddings(block *tihuav1.VectorBlock) ([][]float32, error) {
	count, dim, data := int(block.GetCount()), int(block.GetDim()), block.GetData()
	if block.GetType() == tihuav1.VectorType_VECTOR_TYPE_FLOAT16 || len(data) != 4*count*dim {
		return nil, fmt.Errorf("%d bytes of type %v are not %d embeddings of %d float32",
			len(data), block.GetType(), count, dim)
	}
	embeddings := make([][]float32, count)
	for row := range embeddings {
		embeddings[row] = make([]float32, dim)
		for column := range embeddings[row] {
			bits := binary.LittleEndian.Uint32(data[4*(row*dim+column):])
			embeddings[row][column] = math.Float32frombits(bits)
		}
	}
	return embeddings, nil
}
