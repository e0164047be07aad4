package tihua

import "context"

// Token is sent with every call: grpc.WithPerRPCCredentials(Token("…")). gRPC refuses to send it over
// a connection without TLS.
type Token string

// GetRequestMetadata returns the header that the server asks for.
func (t Token) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(t)}, nil
}

// RequireTransportSecurity keeps the token from being read on its way.
func (t Token) RequireTransportSecurity() bool { return true }
