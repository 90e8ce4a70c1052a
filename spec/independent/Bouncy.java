// Writes CMS messages with BouncyCastle, in every profile a sender might choose, for the reader to
// be tested with. Usage: java -cp bcpkix:bcprov:bcutil Bouncy.java <certificate.pem> <other.pem>
// <content> <folder>. Each message becomes <folder>/<profile>.cms.

import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.MGF1ParameterSpec;
import java.util.Hashtable;
import javax.crypto.spec.OAEPParameterSpec;
import javax.crypto.spec.PSource;

import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.DERSet;
import org.bouncycastle.asn1.DERUTF8String;
import org.bouncycastle.asn1.cms.Attribute;
import org.bouncycastle.asn1.cms.AttributeTable;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.cms.CMSAlgorithm;
import org.bouncycastle.cms.CMSAuthEnvelopedDataGenerator;
import org.bouncycastle.cms.CMSEnvelopedDataGenerator;
import org.bouncycastle.cms.CMSEnvelopedDataStreamGenerator;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.RecipientInfoGenerator;
import org.bouncycastle.cms.SimpleAttributeTableGenerator;
import org.bouncycastle.cms.jcajce.JceCMSContentEncryptorBuilder;
import org.bouncycastle.cms.jcajce.JceKeyTransRecipientInfoGenerator;
import org.bouncycastle.cms.jcajce.JcePasswordRecipientInfoGenerator;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.OutputAEADEncryptor;
import org.bouncycastle.operator.jcajce.JcaAlgorithmParametersConverter;

public class Bouncy {
    static final BouncyCastleProvider BC = new BouncyCastleProvider();
    static X509Certificate own, other;
    static byte[] content;
    static Path folder;

    static X509Certificate certificate(String file) throws Exception {
        try (FileInputStream in = new FileInputStream(file)) {
            return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
        }
    }

    static AlgorithmIdentifier oaep(String hash, String mask, byte[] label) throws Exception {
        return new JcaAlgorithmParametersConverter().getAlgorithmIdentifier(
            org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers.id_RSAES_OAEP,
            new OAEPParameterSpec(hash, "MGF1", new MGF1ParameterSpec(mask),
                label == null ? PSource.PSpecified.DEFAULT : new PSource.PSpecified(label)));
    }

    static RecipientInfoGenerator to(X509Certificate whom, AlgorithmIdentifier how)
            throws Exception {
        return (how == null ? new JceKeyTransRecipientInfoGenerator(whom)
            : new JceKeyTransRecipientInfoGenerator(whom, how)).setProvider(BC);
    }

    static RecipientInfoGenerator byKeyIdentifier(AlgorithmIdentifier how) throws Exception {
        byte[] id = new org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils()
            .createSubjectKeyIdentifier(own.getPublicKey()).getKeyIdentifier();
        return new JceKeyTransRecipientInfoGenerator(id, how, own.getPublicKey()).setProvider(BC);
    }

    // As KS's own library writes: a stream, chunks of 1000 bytes, or another size.
    static void stream(String name, ASN1ObjectIdentifier cipher, int chunk,
            RecipientInfoGenerator... recipients) throws Exception {
        CMSEnvelopedDataStreamGenerator generator = new CMSEnvelopedDataStreamGenerator();
        if (chunk > 0)
            generator.setBufferSize(chunk);
        for (RecipientInfoGenerator one : recipients)
            generator.addRecipientInfoGenerator(one);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputStream to = generator.open(out,
                new JceCMSContentEncryptorBuilder(cipher).setProvider(BC).build())) {
            to.write(content);
        }
        Files.write(folder.resolve(name + ".cms"), out.toByteArray());
    }

    // In memory; in DER every length is definite.
    static void whole(String name, String encoding, RecipientInfoGenerator recipient)
            throws Exception {
        CMSEnvelopedDataGenerator generator = new CMSEnvelopedDataGenerator();
        generator.addRecipientInfoGenerator(recipient);
        byte[] message = generator.generate(new CMSProcessableByteArray(content),
            new JceCMSContentEncryptorBuilder(CMSAlgorithm.AES256_CBC).setProvider(BC).build())
            .toASN1Structure().getEncoded(encoding);
        Files.write(folder.resolve(name + ".cms"), message);
    }

    static void authenticated(String name, ASN1ObjectIdentifier cipher, int attributes,
            RecipientInfoGenerator recipient) throws Exception {
        CMSAuthEnvelopedDataGenerator generator = new CMSAuthEnvelopedDataGenerator();
        generator.addRecipientInfoGenerator(recipient);
        if (attributes > 0) {
            ASN1ObjectIdentifier type = new ASN1ObjectIdentifier("1.2.3.4");
            Hashtable<ASN1ObjectIdentifier, Attribute> table = new Hashtable<>();
            table.put(type,
                new Attribute(type, new DERSet(new DERUTF8String("x".repeat(attributes)))));
            generator.setAuthenticatedAttributeGenerator(
                new SimpleAttributeTableGenerator(new AttributeTable(table)));
        }
        byte[] message = generator.generate(new CMSProcessableByteArray(content),
            (OutputAEADEncryptor) new JceCMSContentEncryptorBuilder(cipher).setProvider(BC).build())
            .getEncoded();
        Files.write(folder.resolve(name + ".cms"), message);
    }

    public static void main(String[] args) throws Exception {
        own = certificate(args[0]);
        other = certificate(args[1]);
        content = Files.readAllBytes(Path.of(args[2]));
        folder = Path.of(args[3]);
        AlgorithmIdentifier ks = oaep("SHA-256", "SHA-256", null);
        for (String hash : new String[] {"SHA-1", "SHA-256", "SHA-384", "SHA-512"})
            for (String mask : new String[] {"SHA-1", "SHA-256", "SHA-384", "SHA-512"})
                stream("oaep-" + hash + "-mgf1-" + mask, CMSAlgorithm.AES256_CBC, 0,
                    to(own, oaep(hash, mask, null)));
        stream("label", CMSAlgorithm.AES256_CBC, 0,
            to(own, oaep("SHA-256", "SHA-256", "fiks".getBytes("UTF-8"))));
        stream("pkcs1", CMSAlgorithm.AES256_CBC, 0, to(own, null));
        stream("aes128", CMSAlgorithm.AES128_CBC, 0, to(own, ks));
        stream("aes192", CMSAlgorithm.AES192_CBC, 0, to(own, ks));
        stream("chunks-4096", CMSAlgorithm.AES256_CBC, 4096, to(own, ks));
        stream("chunks-1", CMSAlgorithm.AES256_CBC, 1, to(own, ks));
        stream("key-identifier", CMSAlgorithm.AES256_CBC, 0, byKeyIdentifier(ks));
        stream("dotnet", CMSAlgorithm.AES256_CBC, 0, to(own, null), to(own, ks));
        stream("second", CMSAlgorithm.AES256_CBC, 0, to(other, ks), to(own, ks));
        stream("first", CMSAlgorithm.AES256_CBC, 0, to(own, ks), to(other, ks));
        stream("password-too", CMSAlgorithm.AES256_CBC, 0,
            new JcePasswordRecipientInfoGenerator(CMSAlgorithm.AES256_CBC, "hei".toCharArray())
                .setProvider(BC), to(own, ks));
        whole("ber", "BER", to(own, ks));
        whole("der", "DER", to(own, ks));
        stream("weak-des3", CMSAlgorithm.DES_EDE3_CBC, 0, to(own, ks));
        stream("weak-des", CMSAlgorithm.DES_CBC, 0, to(own, ks));
        stream("weak-rc2", CMSAlgorithm.RC2_CBC, 0, to(own, ks));
        authenticated("gcm128", CMSAlgorithm.AES128_GCM, 0, to(own, ks));
        authenticated("gcm192", CMSAlgorithm.AES192_GCM, 0, to(own, ks));
        authenticated("gcm256", CMSAlgorithm.AES256_GCM, 0, to(own, ks));
        authenticated("gcm-pkcs1", CMSAlgorithm.AES256_GCM, 0, to(own, null));
        authenticated("gcm-attributes", CMSAlgorithm.AES256_GCM, 5, to(own, ks));
        authenticated("gcm-attributes-long", CMSAlgorithm.AES256_GCM, 300, to(own, ks));
    }
}
