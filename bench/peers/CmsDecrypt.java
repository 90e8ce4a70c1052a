import java.io.BufferedInputStream;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import org.bouncycastle.cms.CMSEnvelopedDataParser;
import org.bouncycastle.cms.RecipientInformation;
import org.bouncycastle.cms.jcajce.JceKeyTransEnvelopedRecipient;
import org.bouncycastle.jce.provider.BouncyCastleProvider;

/**
 * The peer of the rows cms.java: BouncyCastle's streaming parser, AES by SunJCE, from file to file.
 * Usage: CmsDecrypt <message> <key> <to>
 */
public final class CmsDecrypt {
    private static PrivateKey key(String path) throws Exception {
        String pem = Files.readString(Path.of(path)).replaceAll("-----[^-]*-----|\\s", "");
        byte[] der = Base64.getDecoder().decode(pem);
        return KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(der));
    }

    public static void main(String[] arguments) throws Exception {
        JceKeyTransEnvelopedRecipient recipient =
            new JceKeyTransEnvelopedRecipient(key(arguments[1]));
        recipient.setProvider(new BouncyCastleProvider());
        recipient.setContentProvider("SunJCE");
        byte[] buffer = new byte[256 << 10];
        try (InputStream in = new BufferedInputStream(new FileInputStream(arguments[0]), 256 << 10);
                OutputStream out = new FileOutputStream(arguments[2])) {
            RecipientInformation one =
                new CMSEnvelopedDataParser(in).getRecipientInfos().getRecipients().iterator().next();
            InputStream content = one.getContentStream(recipient).getContentStream();
            for (int n; (n = content.read(buffer)) >= 0;) {
                out.write(buffer, 0, n);
            }
        }
    }
}
